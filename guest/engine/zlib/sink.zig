//! The output: one growing block that zlib.c owns, from which matches are copied.

/// The layout is shared with `Sink` in zlib.c.
pub const Sink = extern struct {
    data: [*]u8,
    len: usize,
    capacity: usize,
    /// Most bytes of output.
    max: usize,

    pub const Error = error{ TooLarge, OutOfMemory };

    /// Makes room for *n* more bytes.
    pub inline fn reserve(s: *Sink, n: usize) Error!void {
        if (s.capacity - s.len >= n) return;
        return s.grow(n);
    }

    fn grow(s: *Sink, n: usize) Error!void {
        @branchHint(.cold);
        if (s.len > s.max) return error.TooLarge;
        if (!hg_zlib_grow(s, n)) return error.OutOfMemory;
    }

    pub fn append(s: *Sink, bytes: []const u8) Error!void {
        try s.reserve(bytes.len);
        @memcpy(s.data[s.len..][0..bytes.len], bytes);
        s.len += bytes.len;
    }

    pub fn appendByte(s: *Sink, byte: u8) Error!void {
        try s.reserve(1);
        s.data[s.len] = byte;
        s.len += 1;
    }

    pub fn finish(s: *Sink) Error!void {
        if (s.len > s.max) return error.TooLarge;
    }
};

extern fn hg_zlib_grow(sink: *Sink, n: usize) bool;
