"""How traffic is shared: each router renders a split into documents and reads it back; none of them acts."""
