//! Deflate on std.compress.flate, with the headers and checksums of zlib and gzip.

const std = @import("std");
const flate = std.compress.flate;
const Writer = std.Io.Writer;
const Sink = @import("sink.zig").Sink;

pub const Format = enum(u8) { zlib, gzip, raw };

pub const Flush = enum(u8) { none, sync, finish };

const Method = enum { stored, huffman, matches };

/// Largest stored block in bytes.
const stored_max = 65535;

pub const Deflate = struct {
    format: Format,
    level: u8,
    method: Method,
    started: bool,
    finished: bool,
    dictionary_check: ?u32,
    adler: std.hash.Adler32,
    crc: std.hash.Crc32,
    total: u32,
    sink: *Sink,
    failure: ?Sink.Error,
    output: Writer,
    output_buffer: [4096]u8,
    window: [flate.max_window_len]u8,
    compressor: union(Method) {
        stored: void,
        huffman: flate.Compress.Huffman,
        matches: flate.Compress,
    },

    /// *level* is 0 to 9. With *huffman_only*, matches are not used.
    pub fn init(z: *Deflate, format: Format, level: u8, huffman_only: bool) void {
        z.format = format;
        z.level = level;
        z.method = if (level == 0) .stored else if (huffman_only) .huffman else .matches;
        z.started = false;
        z.finished = false;
        z.dictionary_check = null;
        z.adler = .{};
        z.crc = .init();
        z.total = 0;
        z.failure = null;
        z.output = .{ .buffer = &z.output_buffer, .vtable = &.{ .drain = drain } };
        // Cannot fail: the raw format has no header, and the buffer is large enough.
        switch (z.method) {
            .stored => z.compressor = .{ .stored = {} },
            .huffman => z.compressor = .{
                .huffman = flate.Compress.Huffman.init(&z.output, &z.window, .raw) catch unreachable,
            },
            .matches => z.compressor = .{
                .matches = flate.Compress.init(&z.output, &z.window, .raw, options(level)) catch unreachable,
            },
        }
    }

    fn options(level: u8) flate.Compress.Options {
        const levels = [9]flate.Compress.Options{
            .level_1, .level_2, .level_3, .level_4, .level_5, .level_6, .level_7, .level_8, .level_9,
        };
        return levels[level - 1];
    }

    /// Sets the preset dictionary, before anything is written. The content of *scratch* is meaningless afterwards.
    pub fn preset(z: *Deflate, dictionary: []const u8, scratch: *Sink) Sink.Error!void {
        if (z.format == .zlib) z.dictionary_check = std.hash.Adler32.hash(dictionary);
        if (z.method != .matches) return;
        const tail = dictionary[dictionary.len -| flate.history_len..];
        z.sink = scratch;
        // Compress it like text and drop the output. That ends at a byte boundary, so the rest is independent of it.
        try z.pass(tail);
        try z.sync();
        scratch.len = 0;
    }

    pub fn write(z: *Deflate, sink: *Sink, bytes: []const u8, flush: Flush) Sink.Error!void {
        z.sink = sink;
        if (z.finished) return;
        if (!z.started) {
            z.started = true;
            try z.header();
        }
        switch (z.format) {
            .zlib => z.adler.update(bytes),
            .gzip => z.crc.update(bytes),
            .raw => {},
        }
        z.total +%= @truncate(bytes.len);
        if (z.method == .stored) try z.storedBlocks(bytes, flush == .finish) else try z.pass(bytes);
        switch (flush) {
            .none => {},
            .sync => try z.sync(),
            .finish => {
                try z.end();
                try z.trailer();
                z.finished = true;
            },
        }
        try sink.finish();
    }

    fn header(z: *Deflate) Sink.Error!void {
        switch (z.format) {
            .raw => {},
            .gzip => try z.sink.append(&.{
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, if (z.level == 9) 2 else if (z.method == .huffman or z.level < 2) 4 else 0, 3,
            }),
            .zlib => {
                const effort: u16 = if (z.method == .huffman or z.level < 2) 0 else if (z.level < 6) 1 else if (z.level == 6) 2 else 3;
                var word: u16 = 0x7800 | effort << 6;
                if (z.dictionary_check != null) word |= 0x20;
                word += 31 - word % 31;
                try z.number(u16, word, .big);
                if (z.dictionary_check) |check| try z.number(u32, check, .big);
            },
        }
    }

    fn trailer(z: *Deflate) Sink.Error!void {
        switch (z.format) {
            .raw => {},
            .zlib => try z.number(u32, z.adler.adler, .big),
            .gzip => {
                try z.number(u32, z.crc.final(), .little);
                try z.number(u32, z.total, .little);
            },
        }
    }

    fn number(z: *Deflate, comptime T: type, value: T, endian: std.lang.Endian) Sink.Error!void {
        var bytes: [@sizeOf(T)]u8 = undefined;
        std.mem.writeInt(T, &bytes, value, endian);
        try z.sink.append(&bytes);
    }

    fn pass(z: *Deflate, bytes: []const u8) Sink.Error!void {
        switch (z.compressor) {
            .stored => {},
            .huffman => |*c| c.writer.writeAll(bytes) catch return z.reason(),
            .matches => |*c| c.writer.writeAll(bytes) catch return z.reason(),
        }
    }

    fn storedBlocks(z: *Deflate, bytes: []const u8, final: bool) Sink.Error!void {
        var rest = bytes;
        while (rest.len > stored_max) : (rest = rest[stored_max..]) try z.storedBlock(rest[0..stored_max], false);
        if (rest.len > 0 or final) try z.storedBlock(rest, final);
    }

    fn storedBlock(z: *Deflate, bytes: []const u8, final: bool) Sink.Error!void {
        try z.sink.appendByte(@intFromBool(final));
        try z.number(u16, @intCast(bytes.len), .little);
        try z.number(u16, ~@as(u16, @intCast(bytes.len)), .little);
        try z.sink.append(bytes);
    }

    fn sync(z: *Deflate) Sink.Error!void {
        switch (z.compressor) {
            .stored => {},
            .huffman => |*c| c.writer.flush() catch return z.reason(),
            .matches => |*c| c.writer.flush() catch return z.reason(),
        }
        z.output.flush() catch return z.reason();
        // The empty stored block that marks a flush in the stream.
        if (z.method != .stored) try z.storedBlock(&.{}, false);
    }

    fn end(z: *Deflate) Sink.Error!void {
        switch (z.compressor) {
            .stored => {},
            .huffman => |*c| c.finish() catch return z.reason(),
            .matches => |*c| c.finish() catch return z.reason(),
        }
        z.output.flush() catch return z.reason();
    }

    fn reason(z: *Deflate) Sink.Error {
        return z.failure orelse error.OutOfMemory;
    }

    fn drain(w: *Writer, data: []const []const u8, splat: usize) Writer.Error!usize {
        const z: *Deflate = @alignCast(@fieldParentPtr("output", w));
        try z.emit(w.buffered());
        w.end = 0;
        var n: usize = 0;
        for (data[0 .. data.len - 1]) |bytes| {
            try z.emit(bytes);
            n += bytes.len;
        }
        for (0..splat) |_| try z.emit(data[data.len - 1]);
        return n + data[data.len - 1].len * splat;
    }

    fn emit(z: *Deflate, bytes: []const u8) Writer.Error!void {
        z.sink.append(bytes) catch |failure| {
            z.failure = failure;
            return error.WriteFailed;
        };
    }
};
