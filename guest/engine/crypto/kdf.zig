//! Key derivation. There is no limit on rounds, because they cost Wasm fuel.

const std = @import("std");
const hash = @import("hash.zig");
const Algorithm = hash.Algorithm;
const Digest = hash.Digest;

/// PBKDF2 (RFC 8018, 5.2) with HMAC over *algorithm*.
pub fn pbkdf2(out: []u8, algorithm: Algorithm, password: []const u8, salt: []const u8, rounds: u32) void {
    const length = hash.digestLength(algorithm);
    // Keying costs as much as a round, so the keyed state is made once and copied.
    const keyed: Digest = .initKeyed(algorithm, password);
    var rest = out;
    var index: u32 = 1;
    while (rest.len > 0) : (index +%= 1) {
        var u: [hash.max_digest_length]u8 = undefined;
        var t: [hash.max_digest_length]u8 = undefined;
        var number: [4]u8 = undefined;
        std.mem.writeInt(u32, &number, index, .big);
        var mac = keyed;
        mac.update(salt);
        mac.update(&number);
        mac.final(u[0..length]);
        t = u;
        for (1..rounds) |_| {
            mac = keyed;
            mac.update(u[0..length]);
            mac.final(u[0..length]);
            for (t[0..length], u[0..length]) |*sum, byte| sum.* ^= byte;
        }
        const n = @min(rest.len, length);
        @memcpy(rest[0..n], t[0..n]);
        rest = rest[n..];
    }
}

/// HKDF (RFC 5869). *out* must not be longer than 255 digests.
pub fn hkdf(out: []u8, algorithm: Algorithm, key: []const u8, salt: []const u8, info: []const u8) void {
    const length = hash.digestLength(algorithm);
    var prk: [hash.max_digest_length]u8 = undefined;
    var extract: Digest = .initKeyed(algorithm, salt);
    extract.update(key);
    extract.final(prk[0..length]);

    var t: [hash.max_digest_length]u8 = undefined;
    var known: usize = 0;
    var rest = out;
    var index: u8 = 1;
    while (rest.len > 0) : (index +%= 1) {
        var expand: Digest = .initKeyed(algorithm, prk[0..length]);
        expand.update(t[0..known]);
        expand.update(info);
        expand.update(&.{index});
        expand.final(t[0..length]);
        known = length;
        const n = @min(rest.len, length);
        @memcpy(rest[0..n], t[0..n]);
        rest = rest[n..];
    }
}

/// Bytes of working memory that `scrypt` needs, or null if no memory is that large.
pub fn scryptMemory(n: u32, r: u32, p: u32) ?usize {
    const blocks = @as(u128, n) + 2 + p;
    const bytes = blocks * r * 128 + 64; // 64: three alignments to 16
    return if (bytes > std.math.maxInt(u31)) null else @intCast(bytes);
}

/// scrypt (RFC 7914). *n* must be a power of two above 1; *memory* must have `scryptMemory` bytes.
pub fn scrypt(out: []u8, password: []const u8, salt: []const u8, n: u32, r: u32, p: u32, memory: []u8) bool {
    var arena: std.heap.FixedBufferAllocator = .init(memory);
    std.crypto.pwhash.scrypt.kdf(arena.allocator(), out, password, salt, .{
        .ln = @intCast(@ctz(n)),
        .r = @intCast(r),
        .p = @intCast(p),
    }) catch return false;
    return true;
}
