//! RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996), with the interface of the hashes in std.crypto.

const std = @import("std");
const mem = std.mem;

const Ripemd160 = @This();

pub const block_length = 64;
pub const digest_length = 20;
pub const Options = struct {};

s: [5]u32,
buf: [block_length]u8 = undefined,
buf_len: u8 = 0,
total: u64 = 0,

pub fn init(_: Options) Ripemd160 {
    return .{ .s = .{ 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 } };
}

pub fn update(d: *Ripemd160, bytes: []const u8) void {
    var rest = bytes;
    d.total +%= bytes.len;
    if (d.buf_len != 0) {
        const n = @min(block_length - d.buf_len, rest.len);
        @memcpy(d.buf[d.buf_len..][0..n], rest[0..n]);
        d.buf_len += @intCast(n);
        rest = rest[n..];
        if (d.buf_len < block_length) return;
        d.round(&d.buf);
        d.buf_len = 0;
    }
    while (rest.len >= block_length) : (rest = rest[block_length..]) d.round(rest[0..block_length]);
    @memcpy(d.buf[0..rest.len], rest);
    d.buf_len = @intCast(rest.len);
}

pub fn final(d: *Ripemd160, out: *[digest_length]u8) void {
    const bits = d.total *% 8;
    d.buf[d.buf_len] = 0x80;
    @memset(d.buf[d.buf_len + 1 ..], 0);
    if (d.buf_len >= block_length - 8) {
        d.round(&d.buf);
        @memset(&d.buf, 0);
    }
    mem.writeInt(u64, d.buf[block_length - 8 ..][0..8], bits, .little);
    d.round(&d.buf);
    for (d.s, 0..) |word, i| mem.writeInt(u32, out[4 * i ..][0..4], word, .little);
}

const left_words = [80]u8{
    0, 1, 2,  3,  4,  5,  6,  7,  8, 9,  10, 11, 12, 13, 14, 15,
    7, 4, 13, 1,  10, 6,  15, 3,  12, 0, 9,  5,  2,  14, 11, 8,
    3, 10, 14, 4, 9,  15, 8,  1,  2, 7,  0,  6,  13, 11, 5,  12,
    1, 9, 11, 10, 0,  8,  12, 4,  13, 3, 7,  15, 14, 5,  6,  2,
    4, 0, 5,  9,  7,  12, 2,  10, 14, 1, 3,  8,  11, 6,  15, 13,
};
const right_words = [80]u8{
    5,  14, 7,  0, 9, 2,  11, 4,  13, 6,  15, 8,  1,  10, 3,  12,
    6,  11, 3,  7, 0, 13, 5,  10, 14, 15, 8,  12, 4,  9,  1,  2,
    15, 5,  1,  3, 7, 14, 6,  9,  11, 8,  12, 2,  10, 0,  4,  13,
    8,  6,  4,  1, 3, 11, 15, 0,  5,  12, 2,  13, 9,  7,  10, 14,
    12, 15, 10, 4, 1, 5,  8,  7,  6,  2,  13, 14, 0,  3,  9,  11,
};
const left_shifts = [80]u5{
    11, 14, 15, 12, 5,  8,  7,  9,  11, 13, 14, 15, 6,  7,  9,  8,
    7,  6,  8,  13, 11, 9,  7,  15, 7,  12, 15, 9,  11, 7,  13, 12,
    11, 13, 6,  7,  14, 9,  13, 15, 14, 8,  13, 6,  5,  12, 7,  5,
    11, 12, 14, 15, 14, 15, 9,  8,  9,  14, 5,  6,  8,  6,  5,  12,
    9,  15, 5,  11, 6,  8,  13, 12, 5,  12, 13, 14, 11, 8,  5,  6,
};
const right_shifts = [80]u5{
    8,  9,  9,  11, 13, 15, 15, 5,  7,  7,  8,  11, 14, 14, 12, 6,
    9,  13, 15, 7,  12, 8,  9,  11, 7,  7,  12, 7,  6,  15, 13, 11,
    9,  7,  15, 11, 8,  6,  6,  14, 12, 13, 5,  14, 13, 13, 7,  5,
    15, 5,  8,  11, 14, 14, 6,  14, 6,  9,  12, 9,  12, 5,  15, 8,
    8,  5,  12, 9,  12, 5,  14, 6,  8,  13, 6,  5,  15, 13, 11, 11,
};
const left_constants = [5]u32{ 0, 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xa953fd4e };
const right_constants = [5]u32{ 0x50a28be6, 0x5c4dd124, 0x6d703ef3, 0x7a6d76e9, 0 };

fn mix(kind: usize, x: u32, y: u32, z: u32) u32 {
    return switch (kind) {
        0 => x ^ y ^ z,
        1 => (x & y) | (~x & z),
        2 => (x | ~y) ^ z,
        3 => (x & z) | (y & ~z),
        else => x ^ (y | ~z),
    };
}

fn line(s: [5]u32, x: *const [16]u32, words: *const [80]u8, shifts: *const [80]u5, constants: *const [5]u32, first: usize) [5]u32 {
    var a, var b, var c, var d, var e = s;
    for (0..5) |group| {
        // The right line uses the functions in reverse order.
        const kind = if (first == 0) group else first - group;
        for (0..16) |j| {
            const i = group * 16 + j;
            const sum = a +% mix(kind, b, c, d) +% x[words[i]] +% constants[group];
            const t = std.math.rotl(u32, sum, shifts[i]) +% e;
            a = e;
            e = d;
            d = std.math.rotl(u32, c, 10);
            c = b;
            b = t;
        }
    }
    return .{ a, b, c, d, e };
}

fn round(d: *Ripemd160, block: *const [block_length]u8) void {
    var x: [16]u32 = undefined;
    for (&x, 0..) |*word, i| word.* = mem.readInt(u32, block[4 * i ..][0..4], .little);
    const l = line(d.s, &x, &left_words, &left_shifts, &left_constants, 0);
    const r = line(d.s, &x, &right_words, &right_shifts, &right_constants, 4);
    const s = d.s;
    d.s = .{
        s[1] +% l[2] +% r[3],
        s[2] +% l[3] +% r[4],
        s[3] +% l[4] +% r[0],
        s[4] +% l[0] +% r[1],
        s[0] +% l[1] +% r[2],
    };
}
