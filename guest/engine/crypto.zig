//! The implementation of `crypto` behind crypto.c, without allocations and imports. The caller owns the memory of
//! states, asks for their sizes at run time, and aligns them to 16 bytes.

const std = @import("std");
const hash = @import("crypto/hash.zig");
const kdf = @import("crypto/kdf.zig");
const cipher = @import("crypto/cipher.zig");
const Cipher = cipher.Cipher;
const Algorithm = hash.Algorithm;
const Digest = hash.Digest;

// Tables instead of constant-time code, which costs several times the fuel: the sandbox has no clock that could
// observe a cache.
pub const std_options: std.Options = .{ .side_channels_mitigations = .none };

comptime {
    std.debug.assert(@alignOf(Digest) <= 16);
    std.debug.assert(@alignOf(Cipher) <= 16);
}

export fn hg_digest_size() usize {
    return @sizeOf(Digest);
}

/// Default length of a digest in bytes; 0 for an unknown algorithm.
export fn hg_digest_length(algorithm: u32) usize {
    return hash.digestLength(Algorithm.from(algorithm) orelse return 0);
}

export fn hg_digest_extendable(algorithm: u32) bool {
    return (Algorithm.from(algorithm) orelse return false).extendable();
}

export fn hg_digest_init(state: *Digest, algorithm: u32) void {
    state.* = .init(Algorithm.from(algorithm).?);
}

export fn hg_digest_init_keyed(state: *Digest, algorithm: u32, key: [*]const u8, len: usize) void {
    state.* = .initKeyed(Algorithm.from(algorithm).?, key[0..len]);
}

export fn hg_digest_update(state: *Digest, bytes: [*]const u8, len: usize) void {
    state.update(bytes[0..len]);
}

export fn hg_digest_final(state: *Digest, out: [*]u8, len: usize) void {
    state.final(out[0..len]);
}

export fn hg_pbkdf2(
    out: [*]u8,
    out_len: usize,
    algorithm: u32,
    password: [*]const u8,
    password_len: usize,
    salt: [*]const u8,
    salt_len: usize,
    rounds: u32,
) void {
    kdf.pbkdf2(out[0..out_len], Algorithm.from(algorithm).?, password[0..password_len], salt[0..salt_len], rounds);
}

export fn hg_hkdf(
    out: [*]u8,
    out_len: usize,
    algorithm: u32,
    key: [*]const u8,
    key_len: usize,
    salt: [*]const u8,
    salt_len: usize,
    info: [*]const u8,
    info_len: usize,
) void {
    kdf.hkdf(out[0..out_len], Algorithm.from(algorithm).?, key[0..key_len], salt[0..salt_len], info[0..info_len]);
}

export fn hg_scrypt_memory(n: u32, r: u32, p: u32) usize {
    return kdf.scryptMemory(n, r, p) orelse 0;
}

export fn hg_scrypt(
    out: [*]u8,
    out_len: usize,
    password: [*]const u8,
    password_len: usize,
    salt: [*]const u8,
    salt_len: usize,
    n: u32,
    r: u32,
    p: u32,
    memory: [*]u8,
    memory_len: usize,
) bool {
    return kdf.scrypt(
        out[0..out_len],
        password[0..password_len],
        salt[0..salt_len],
        n,
        r,
        p,
        memory[0..memory_len],
    );
}

export fn hg_cipher_size() usize {
    return @sizeOf(Cipher);
}

export fn hg_cipher_init(
    state: *Cipher,
    mode: cipher.Mode,
    decrypting: bool,
    key: [*]const u8,
    key_len: usize,
    iv: [*]const u8,
    iv_len: usize,
) void {
    state.init(mode, decrypting, key[0..key_len], iv[0..iv_len]);
}

export fn hg_cipher_set_padding(state: *Cipher, padding: bool) void {
    state.padding = padding and (state.mode == .ecb or state.mode == .cbc);
}

export fn hg_cipher_associate(state: *Cipher, bytes: [*]const u8, len: usize) void {
    state.associate(bytes[0..len]);
}

/// *out* must have room for `len + 15` bytes. Returns the number of bytes written.
export fn hg_cipher_update(state: *Cipher, out: [*]u8, bytes: [*]const u8, len: usize) usize {
    return state.update(out[0 .. len + 15], bytes[0..len]);
}

/// Returns the number of bytes written to *out*, or a negative error number.
export fn hg_cipher_final(state: *Cipher, out: *[16]u8) i32 {
    const n = state.final(out) catch |failure| return switch (failure) {
        error.WrongFinalBlockLength => -1,
        error.BadDecrypt => -2,
    };
    return @intCast(n);
}

export fn hg_cipher_tag(state: *Cipher, out: *[16]u8) void {
    state.tag(out);
}
