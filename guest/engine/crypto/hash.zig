//! Hashes and HMAC with one state type of fixed size, which crypto.c can allocate and copy without knowing it.

const std = @import("std");
const crypto = std.crypto;

/// In the order of the numbers in crypto-hash.js.
pub const Algorithm = enum(u8) {
    md5,
    sha1,
    sha224,
    sha256,
    sha384,
    sha512,
    sha512_224,
    sha512_256,
    sha3_224,
    sha3_256,
    sha3_384,
    sha3_512,
    ripemd160,
    blake2b512,
    blake2s256,
    shake128,
    shake256,

    pub const count = std.enums.values(Algorithm).len;

    pub fn from(number: u32) ?Algorithm {
        return if (number < count) @fromBackingInt(@as(u8, @intCast(number))) else null;
    }

    /// Whether the digest can have any length. Node does not define HMAC for such algorithms.
    pub fn extendable(a: Algorithm) bool {
        return a == .shake128 or a == .shake256;
    }
};

fn Implementation(comptime algorithm: Algorithm) type {
    return switch (algorithm) {
        .md5 => crypto.hash.Md5,
        .sha1 => crypto.hash.Sha1,
        .sha224 => crypto.hash.sha2.Sha224,
        .sha256 => crypto.hash.sha2.Sha256,
        .sha384 => crypto.hash.sha2.Sha384,
        .sha512 => crypto.hash.sha2.Sha512,
        .sha512_224 => crypto.hash.sha2.Sha512_224,
        .sha512_256 => crypto.hash.sha2.Sha512_256,
        .sha3_224 => crypto.hash.sha3.Sha3_224,
        .sha3_256 => crypto.hash.sha3.Sha3_256,
        .sha3_384 => crypto.hash.sha3.Sha3_384,
        .sha3_512 => crypto.hash.sha3.Sha3_512,
        .ripemd160 => @import("ripemd160.zig"),
        .blake2b512 => crypto.hash.blake2.Blake2b512,
        .blake2s256 => crypto.hash.blake2.Blake2s256,
        .shake128 => crypto.hash.sha3.Shake128,
        .shake256 => crypto.hash.sha3.Shake256,
    };
}

pub const max_digest_length = 64;
const max_block_length = 144; // sha3-224

pub const Hash = union(Algorithm) {
    md5: Implementation(.md5),
    sha1: Implementation(.sha1),
    sha224: Implementation(.sha224),
    sha256: Implementation(.sha256),
    sha384: Implementation(.sha384),
    sha512: Implementation(.sha512),
    sha512_224: Implementation(.sha512_224),
    sha512_256: Implementation(.sha512_256),
    sha3_224: Implementation(.sha3_224),
    sha3_256: Implementation(.sha3_256),
    sha3_384: Implementation(.sha3_384),
    sha3_512: Implementation(.sha3_512),
    ripemd160: Implementation(.ripemd160),
    blake2b512: Implementation(.blake2b512),
    blake2s256: Implementation(.blake2s256),
    shake128: Implementation(.shake128),
    shake256: Implementation(.shake256),

    pub fn init(algorithm: Algorithm) Hash {
        switch (algorithm) {
            inline else => |a| return @unionInit(Hash, @tagName(a), Implementation(a).init(.{})),
        }
    }

    pub fn update(h: *Hash, bytes: []const u8) void {
        switch (h.*) {
            inline else => |*state| state.update(bytes),
        }
    }

    /// *out* has `digestLength` bytes, or any number of bytes for extendable algorithms.
    pub fn final(h: *Hash, out: []u8) void {
        switch (h.*) {
            inline else => |*state, a| {
                if (comptime a.extendable()) {
                    state.squeeze(out);
                } else {
                    state.final(out[0..Implementation(a).digest_length]);
                }
            },
        }
    }
};

pub fn digestLength(algorithm: Algorithm) usize {
    switch (algorithm) {
        // The default lengths of OpenSSL, and so of Node.
        .shake128 => return 16,
        .shake256 => return 32,
        inline else => |a| return Implementation(a).digest_length,
    }
}

pub fn blockLength(algorithm: Algorithm) usize {
    switch (algorithm) {
        inline else => |a| return Implementation(a).block_length,
    }
}

/// A hash, or an HMAC if `outer` is in use.
pub const Digest = struct {
    inner: Hash,
    outer: Hash,
    keyed: bool,

    pub fn init(algorithm: Algorithm) Digest {
        return .{ .inner = .init(algorithm), .outer = undefined, .keyed = false };
    }

    pub fn initKeyed(algorithm: Algorithm, key: []const u8) Digest {
        const block = blockLength(algorithm);
        var pad: [max_block_length]u8 = @splat(0);
        if (key.len > block) {
            var hashed: Hash = .init(algorithm);
            hashed.update(key);
            hashed.final(pad[0..digestLength(algorithm)]);
        } else {
            @memcpy(pad[0..key.len], key);
        }
        var d: Digest = .{ .inner = .init(algorithm), .outer = .init(algorithm), .keyed = true };
        for (pad[0..block]) |*byte| byte.* ^= 0x36;
        d.inner.update(pad[0..block]);
        for (pad[0..block]) |*byte| byte.* ^= 0x36 ^ 0x5c;
        d.outer.update(pad[0..block]);
        return d;
    }

    pub fn update(d: *Digest, bytes: []const u8) void {
        d.inner.update(bytes);
    }

    /// The state cannot be used afterwards.
    pub fn final(d: *Digest, out: []u8) void {
        d.inner.final(out);
        if (d.keyed) {
            d.outer.update(out);
            d.outer.final(out);
        }
    }
};
