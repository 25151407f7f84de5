// Command forward carries connections from outside a network namespace to addresses inside it.
//
// It runs inside. A client outside opens a listening socket, and hands it over through the Unix socket given as the
// argument, together with {"target": "ADDRESS:PORT"}. A socket stays in the namespace that made it, so connections
// are accepted outside and each one is dialled anew inside: to kube-proxy it is a new connection of the node's own.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

type request struct {
	Target string `json:"target"`
}

type answer struct {
	Port  int    `json:"port"`
	Error string `json:"error,omitempty"`
}

type table struct {
	mutex sync.Mutex
	ports map[string]int
}

func main() {
	os.Remove(os.Args[1])
	control, err := net.ListenUnix("unix", &net.UnixAddr{Name: os.Args[1], Net: "unix"})
	if err != nil {
		log.Fatal(err)
	}
	known := &table{ports: map[string]int{}}
	for {
		client, err := control.AcceptUnix()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client, known)
	}
}

func serve(client *net.UnixConn, known *table) {
	defer client.Close()
	var reply answer
	port, err := known.open(client)
	if reply.Port = port; err != nil {
		reply.Error = err.Error()
	}
	_ = json.NewEncoder(client).Encode(reply)
}

// open takes over the socket that came with the request, unless its target is forwarded already.
func (known *table) open(client *net.UnixConn) (int, error) {
	target, listener, err := receive(client)
	if err != nil {
		return 0, err
	}
	known.mutex.Lock()
	defer known.mutex.Unlock()
	if port, open := known.ports[target]; open {
		listener.Close()
		return port, nil
	}
	known.ports[target] = listener.Addr().(*net.TCPAddr).Port
	go accept(listener, target)
	return known.ports[target], nil
}

func receive(client *net.UnixConn) (string, net.Listener, error) {
	text, control := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4))
	size, controlSize, _, _, err := client.ReadMsgUnix(text, control)
	if err != nil {
		return "", nil, err
	}
	var wanted request
	if err := json.Unmarshal(text[:size], &wanted); err != nil {
		return "", nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:controlSize])
	if err != nil || len(messages) != 1 {
		return "", nil, fmt.Errorf("a request for %s without a socket", wanted.Target)
	}
	descriptors, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return "", nil, err
	}
	file := os.NewFile(uintptr(descriptors[0]), wanted.Target)
	defer file.Close()
	listener, err := net.FileListener(file)
	return wanted.Target, listener, err
}

func accept(listener net.Listener, target string) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			log.Printf("%s: accept: %v", target, err)
			time.Sleep(10 * time.Millisecond) // too many open files passes
			continue
		}
		go carry(outside.(*net.TCPConn), target)
	}
}

// carry joins both ends; a target that refuses shows outside as a reset, not as an orderly end.
func carry(outside *net.TCPConn, target string) {
	defer outside.Close()
	connection, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		_ = outside.SetLinger(0)
		return
	}
	inside := connection.(*net.TCPConn)
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		pump(inside, outside)
		close(done)
	}()
	pump(outside, inside)
	<-done
}

// pump copies until the source ends and passes the end on; when the copy breaks, both ends break.
func pump(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		to.Close()
		from.Close()
		return
	}
	_ = to.CloseWrite()
}
