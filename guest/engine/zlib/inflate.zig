//! Inflate (RFC 1950, 1951, 1952) of complete input. It does not use std.compress.flate, because errors in the data
//! must have zlib's names, and because the output serves as the window.

const std = @import("std");
const Sink = @import("sink.zig").Sink;

pub const Error = Sink.Error || error{
    IncorrectHeaderCheck,
    UnknownCompressionMethod,
    InvalidWindowSize,
    UnknownHeaderFlags,
    HeaderCrcMismatch,
    NeedDictionary,
    BadDictionary,
    InvalidBlockType,
    InvalidStoredBlockLengths,
    TooManySymbols,
    InvalidCodeLengths,
    InvalidBitLengthRepeat,
    MissingEndOfBlock,
    InvalidLiteralLengths,
    InvalidDistances,
    InvalidLiteralCode,
    InvalidDistanceCode,
    InvalidDistance,
    IncorrectDataCheck,
    IncorrectLengthCheck,
    UnexpectedEnd,
};

pub const Format = enum(u8) { zlib, gzip, raw, unzip };

/// Bits of the input, least significant first.
const Bits = struct {
    input: []const u8,
    at: usize = 0,
    hold: u64 = 0,
    count: u32 = 0,

    /// Fills the buffer to at least 48 bits, or with all remaining input.
    inline fn refill(b: *Bits) void {
        if (b.input.len - b.at >= 8) {
            const word = std.mem.readInt(u64, b.input[b.at..][0..8], .little);
            b.hold |= word << @intCast(b.count);
            const bytes = (63 - b.count) >> 3;
            b.at += bytes;
            b.count += bytes * 8;
        } else {
            while (b.count <= 56 and b.at < b.input.len) {
                b.hold |= @as(u64, b.input[b.at]) << @intCast(b.count);
                b.at += 1;
                b.count += 8;
            }
        }
    }

    inline fn peek(b: *const Bits, n: u6) u32 {
        return @truncate(b.hold & ((@as(u64, 1) << n) - 1));
    }

    inline fn drop(b: *Bits, n: u32) void {
        b.hold >>= @intCast(n);
        b.count -= n;
    }

    /// At most 32 bits.
    inline fn take(b: *Bits, n: u6) Error!u32 {
        if (b.count < n) {
            b.refill();
            if (b.count < n) return error.UnexpectedEnd;
        }
        const value = b.peek(n);
        b.drop(n);
        return value;
    }

    /// Skips to the next byte boundary and returns buffered whole bytes to the input.
    fn alignToByte(b: *Bits) void {
        b.at -= b.count / 8;
        b.hold = 0;
        b.count = 0;
    }
};

const max_code_bits = 15;
const lookup_bits = 10;

/// A canonical Huffman code: a table for short codes, counts per length for the rest.
fn Code(comptime symbols: usize) type {
    return struct {
        const Self = @This();
        // symbol << 4 | bits, or one of the marks, which have 0 bits
        const invalid: u16 = 0x10;
        const long: u16 = 0x00;

        lookup: [1 << lookup_bits]u16,
        counts: [max_code_bits + 1]u16,
        sorted: [symbols]u16,

        const Shape = enum { complete, single, empty, wrong };

        fn build(code: *Self, lengths: []const u8) Shape {
            code.counts = @splat(0);
            for (lengths) |bits| code.counts[bits] += 1;
            const empty = code.counts[0] == lengths.len;
            code.counts[0] = 0;

            var left: i32 = 1;
            var longest: usize = 0;
            for (1..max_code_bits + 1) |bits| {
                left = left * 2 - code.counts[bits];
                if (left < 0) return .wrong;
                if (code.counts[bits] != 0) longest = bits;
            }

            var offsets: [max_code_bits + 2]u16 = undefined;
            var first: [max_code_bits + 2]u16 = undefined;
            offsets[1] = 0;
            first[1] = 0;
            for (1..max_code_bits + 1) |bits| {
                offsets[bits + 1] = offsets[bits] + code.counts[bits];
                first[bits + 1] = (first[bits] + code.counts[bits]) << 1;
            }
            @memset(&code.lookup, if (left > 0) invalid else long);
            for (lengths, 0..) |bits, symbol| {
                if (bits == 0) continue;
                code.sorted[offsets[bits]] = @intCast(symbol);
                offsets[bits] += 1;
                const word = first[bits];
                first[bits] += 1;
                if (bits > lookup_bits) continue;
                const reversed = @bitReverse(word) >> @intCast(16 - @as(u32, bits));
                var index: usize = reversed;
                while (index < code.lookup.len) : (index += @as(usize, 1) << @intCast(bits)) {
                    code.lookup[index] = @as(u16, @intCast(symbol)) << 4 | bits;
                }
            }
            if (empty) return .empty;
            if (left == 0) return .complete;
            return if (longest == 1) .single else .wrong;
        }

        /// The next symbol, or null for an invalid code. The bit buffer must be filled.
        inline fn decode(code: *const Self, bits: *Bits) error{UnexpectedEnd}!?u16 {
            const entry = code.lookup[bits.peek(lookup_bits)];
            const length = entry & 15;
            if (length != 0) {
                @branchHint(.likely);
                if (length > bits.count) return error.UnexpectedEnd;
                bits.drop(length);
                return entry >> 4;
            }
            return code.decodeLong(bits, entry);
        }

        fn decodeLong(code: *const Self, bits: *Bits, entry: u16) error{UnexpectedEnd}!?u16 {
            if (entry == invalid) return if (bits.count == 0) error.UnexpectedEnd else null;
            var word: u32 = 0;
            var first: u32 = 0;
            var index: u32 = 0;
            for (1..max_code_bits + 1) |length| {
                if (length > bits.count) return error.UnexpectedEnd;
                word |= @truncate(bits.hold >> @intCast(length - 1) & 1);
                const count = code.counts[length];
                if (word < first + count) {
                    bits.drop(@intCast(length));
                    return code.sorted[index + (word - first)];
                }
                index += count;
                first = (first + count) << 1;
                word <<= 1;
            }
            return null;
        }
    };
}

const Literals = Code(288);
const Distances = Code(32);
const Lengths = Code(19);

const length_base = [29]u16{
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
};
const length_extra = [29]u8{
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
};
const distance_base = [30]u16{
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
};
const distance_extra = [30]u8{
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
};
const length_order = [19]u8{ 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };

/// The state of a decompression, which the caller allocates.
pub const Inflate = struct {
    bits: Bits,
    sink: *Sink,
    /// Start of the window in the sink; matches cannot reach before it.
    base: usize,
    literals: Literals,
    distances: Distances,
    lengths: Lengths,

    /// Decompresses *input* into *sink*, which already contains the dictionary, if any.
    pub fn run(z: *Inflate, sink: *Sink, input: []const u8, format: Format, dictionary: []const u8) Error!usize {
        z.sink = sink;
        z.bits = .{ .input = input };
        z.base = sink.len - dictionary.len;
        switch (format) {
            .raw => try z.body(),
            .zlib => try z.zlibMember(dictionary),
            .gzip => try z.gzipMembers(),
            .unzip => {
                // Like Node, decide by two magic bytes; one is not enough.
                if (input.len > 0 and input[0] == 0x1f and (input.len == 1 or input[1] == 0x8b)) {
                    if (input.len == 1) return error.UnexpectedEnd;
                    try z.gzipMembers();
                } else try z.zlibMember(dictionary);
            },
        }
        z.bits.alignToByte();
        try sink.finish();
        return z.bits.at;
    }

    fn zlibMember(z: *Inflate, dictionary: []const u8) Error!void {
        const b = &z.bits;
        const method = try b.take(8);
        const flags = try b.take(8);
        if ((method << 8 | flags) % 31 != 0) return error.IncorrectHeaderCheck;
        if (method & 15 != 8) return error.UnknownCompressionMethod;
        if (method >> 4 > 7) return error.InvalidWindowSize;
        if (flags & 0x20 != 0) {
            const wanted = try z.takeBig();
            if (dictionary.len == 0) return error.NeedDictionary;
            if (std.hash.Adler32.hash(dictionary) != wanted) return error.BadDictionary;
        } else z.base = z.sink.len;
        const start = z.sink.len;
        try z.body();
        b.alignToByte();
        const check = try z.takeBig();
        if (check != std.hash.Adler32.hash(z.sink.data[start..z.sink.len])) return error.IncorrectDataCheck;
    }

    fn takeBig(z: *Inflate) Error!u32 {
        const high = try z.bits.take(16);
        const low = try z.bits.take(16);
        return @byteSwap(@as(u32, low << 16 | high));
    }

    fn gzipMembers(z: *Inflate) Error!void {
        while (true) {
            try z.gzipMember();
            // Zero bytes after a member are padding; anything else must be another member.
            const rest = z.bits.input[z.bits.at..];
            if (rest.len == 0 or rest[0] == 0) return;
        }
    }

    fn gzipMember(z: *Inflate) Error!void {
        const b = &z.bits;
        const first = b.at;
        if (try b.take(16) != 0x8b1f) return error.IncorrectHeaderCheck;
        const word = try b.take(16);
        const flags = word >> 8;
        if (word & 0xff != 8) return error.UnknownCompressionMethod;
        if (flags & 0xe0 != 0) return error.UnknownHeaderFlags;
        b.alignToByte();
        try z.skip(6);
        if (flags & 4 != 0) {
            const extra = try b.take(16);
            b.alignToByte();
            try z.skip(extra);
        }
        if (flags & 8 != 0) try z.skipText();
        if (flags & 16 != 0) try z.skipText();
        if (flags & 2 != 0) {
            const crc: u16 = @truncate(std.hash.Crc32.hash(b.input[first..b.at]));
            if (try b.take(16) != crc) return error.HeaderCrcMismatch;
        }
        z.base = z.sink.len;
        try z.body();
        b.alignToByte();
        const out = z.sink.data[z.base..z.sink.len];
        if (try b.take(32) != std.hash.Crc32.hash(out)) return error.IncorrectDataCheck;
        if (try b.take(32) != @as(u32, @truncate(out.len))) return error.IncorrectLengthCheck;
        b.alignToByte();
    }

    fn skip(z: *Inflate, n: usize) Error!void {
        if (z.bits.input.len - z.bits.at < n) return error.UnexpectedEnd;
        z.bits.at += n;
    }

    fn skipText(z: *Inflate) Error!void {
        const b = &z.bits;
        const end = std.mem.indexOfScalarPos(u8, b.input, b.at, 0) orelse return error.UnexpectedEnd;
        b.at = end + 1;
    }

    fn body(z: *Inflate) Error!void {
        while (true) {
            const final = try z.bits.take(1);
            switch (try z.bits.take(2)) {
                0 => try z.stored(),
                1 => {
                    z.fixedCodes();
                    try z.block();
                },
                2 => {
                    try z.dynamicCodes();
                    try z.block();
                },
                else => return error.InvalidBlockType,
            }
            if (final != 0) return;
        }
    }

    fn stored(z: *Inflate) Error!void {
        const b = &z.bits;
        b.alignToByte();
        const length = try b.take(16);
        if (try b.take(16) != ~@as(u16, @truncate(length))) return error.InvalidStoredBlockLengths;
        b.alignToByte();
        const there = @min(length, b.input.len - b.at);
        try z.sink.append(b.input[b.at..][0..there]);
        b.at += there;
        if (there < length) return error.UnexpectedEnd;
    }

    fn fixedCodes(z: *Inflate) void {
        var lengths: [288]u8 = undefined;
        @memset(lengths[0..144], 8);
        @memset(lengths[144..256], 9);
        @memset(lengths[256..280], 7);
        @memset(lengths[280..288], 8);
        _ = z.literals.build(&lengths);
        _ = z.distances.build(&@as([32]u8, @splat(5)));
    }

    fn dynamicCodes(z: *Inflate) Error!void {
        const b = &z.bits;
        const counts = try b.take(14);
        const literal_count = (counts & 31) + 257;
        const distance_count = (counts >> 5 & 31) + 1;
        const length_count = (counts >> 10) + 4;
        if (literal_count > 286 or distance_count > 30) return error.TooManySymbols;

        var code_lengths: [19]u8 = @splat(0);
        for (length_order[0..length_count]) |symbol| code_lengths[symbol] = @intCast(try b.take(3));
        switch (z.lengths.build(&code_lengths)) {
            .complete => {},
            // zlib then reads one bit for every length, and treats it as an invalid code.
            .empty => @memset(&z.lengths.lookup, 0 << 4 | 1),
            .single, .wrong => return error.InvalidCodeLengths,
        }

        var lengths: [286 + 30]u8 = @splat(0);
        const total = literal_count + distance_count;
        var have: usize = 0;
        while (have < total) {
            b.refill();
            const symbol = (try z.lengths.decode(b)).?; // every word of a complete code has a symbol
            if (symbol < 16) {
                lengths[have] = @intCast(symbol);
                have += 1;
                continue;
            }
            var value: u8 = 0;
            const repeat = switch (symbol) {
                16 => 3 + try b.take(2),
                17 => 3 + try b.take(3),
                else => 11 + try b.take(7),
            };
            if (symbol == 16) {
                if (have == 0) return error.InvalidBitLengthRepeat;
                value = lengths[have - 1];
            }
            if (have + repeat > total) return error.InvalidBitLengthRepeat;
            @memset(lengths[have..][0..repeat], value);
            have += repeat;
        }
        if (lengths[256] == 0) return error.MissingEndOfBlock;
        if (z.literals.build(lengths[0..literal_count]) == .wrong) return error.InvalidLiteralLengths;
        switch (z.distances.build(lengths[literal_count..][0..distance_count])) {
            .wrong => return error.InvalidDistances,
            .empty, .complete, .single => {},
        }
    }

    /// Decodes the symbols of a block to its end.
    fn block(z: *Inflate) Error!void {
        const sink = z.sink;
        // A copy that the compiler can keep in registers; it is written back on every exit.
        var b = z.bits;
        defer z.bits = b;
        while (true) {
            try sink.reserve(258 + 8);
            b.refill();
            var symbol = try z.literals.decode(&b) orelse return error.InvalidLiteralCode;
            if (symbol < 256) {
                sink.data[sink.len] = @intCast(symbol);
                sink.len += 1;
                // There were 48 bits, enough for a second literal but not for more.
                symbol = try z.literals.decode(&b) orelse return error.InvalidLiteralCode;
                if (symbol < 256) {
                    sink.data[sink.len] = @intCast(symbol);
                    sink.len += 1;
                    continue;
                }
                b.refill();
            }
            if (symbol == 256) return;
            if (symbol > 285) return error.InvalidLiteralCode;
            const l = symbol - 257;
            const length = length_base[l] + try b.take(@intCast(length_extra[l]));
            b.refill();
            const d = try z.distances.decode(&b) orelse return error.InvalidDistanceCode;
            if (d > 29) return error.InvalidDistanceCode;
            const distance = distance_base[d] + try b.take(@intCast(distance_extra[d]));
            if (distance > sink.len - z.base) return error.InvalidDistance;
            copy(sink, length, distance);
        }
    }

    inline fn copy(sink: *Sink, length: u32, distance: u32) void {
        const to = sink.data + sink.len;
        const from = to - distance;
        sink.len += length;
        if (distance >= 8) {
            // Copies eight bytes at a time, up to seven too many, for which there is room.
            var i: usize = 0;
            while (i < length) : (i += 8) to[i..][0..8].* = from[i..][0..8].*;
        } else if (distance == 1) {
            @memset(to[0..length], from[0]);
        } else {
            for (0..length) |i| to[i] = from[i];
        }
    }
};
