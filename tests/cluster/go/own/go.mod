module seatrial.dev/lab/own

go 1.24.0
