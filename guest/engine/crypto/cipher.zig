//! AES in Node's modes, as streams: the output does not depend on how the input is split.

const std = @import("std");
const Aes = @import("aes.zig").Aes;
const Ghash = std.crypto.onetimeauth.Ghash;

/// In the order of the numbers in crypto-cipher.js.
pub const Mode = enum(u8) { ecb, cbc, ctr, cfb, cfb8, ofb, gcm };

pub const Error = error{ WrongFinalBlockLength, BadDecrypt };

const block_length = 16;
const zero: [block_length]u8 = @splat(0);
const piece_max = 1024;

pub const Cipher = struct {
    aes: Aes,
    mode: Mode,
    decrypting: bool,
    padding: bool,
    /// The previous block for chaining, or the counter.
    chain: [block_length]u8,
    /// Key stream; its first `used` bytes are used up.
    stream: [block_length]u8,
    used: u8,
    /// Block modes: input of an incomplete block.
    pending: [block_length]u8,
    pending_len: u8,
    ghash: Ghash,
    /// GCM: the mask of the tag.
    mask: [block_length]u8,
    associated_len: u64,
    text_len: u64,

    /// *iv* is one block long; for GCM, it has any length but 0; for ECB, it is ignored.
    pub fn init(c: *Cipher, mode: Mode, decrypting: bool, key: []const u8, iv: []const u8) void {
        c.aes = .init(key);
        c.mode = mode;
        c.decrypting = decrypting;
        c.padding = mode == .ecb or mode == .cbc;
        c.used = block_length;
        c.pending_len = 0;
        c.associated_len = 0;
        c.text_len = 0;
        if (mode == .gcm) {
            c.initGcm(iv);
        } else if (mode != .ecb) {
            c.chain = iv[0..block_length].*;
        }
    }

    fn initGcm(c: *Cipher, iv: []const u8) void {
        var h: [block_length]u8 = undefined;
        c.aes.encrypt(&h, &zero);
        c.ghash = .initForBlockCount(&h, 0);
        if (iv.len == 12) {
            c.chain = iv[0..12].* ++ .{ 0, 0, 0, 1 };
        } else {
            var hash = c.ghash;
            absorb(&hash, iv);
            hash.pad();
            var sizes: [block_length]u8 = @splat(0);
            std.mem.writeInt(u64, sizes[8..16], @as(u64, iv.len) * 8, .big);
            hash.update(&sizes);
            hash.final(&c.chain);
        }
        c.aes.encrypt(&c.mask, &c.chain);
        c.count(12);
    }

    /// Feeds *bytes* to the hash in short pieces. Long pieces need precomputed powers of the key, which cost more
    /// than hashing a short text.
    fn absorb(hash: *Ghash, bytes: []const u8) void {
        var rest = bytes;
        while (rest.len > piece_max) : (rest = rest[piece_max..]) hash.update(rest[0..piece_max]);
        hash.update(rest);
    }

    /// GCM: adds associated data, which is authenticated but not encrypted. Must precede any other text.
    pub fn associate(c: *Cipher, bytes: []const u8) void {
        absorb(&c.ghash, bytes);
        c.associated_len += bytes.len;
    }

    /// Writes at most `in.len + 15` bytes to *out*. Returns their number.
    pub fn update(c: *Cipher, out: []u8, in: []const u8) usize {
        switch (c.mode) {
            .ecb, .cbc => return c.updateBlocks(out, in),
            .ctr => c.xorStream(out, in, 0),
            .gcm => {
                // The hash is over the encrypted text.
                if (c.text_len == 0) c.ghash.pad();
                if (c.decrypting) absorb(&c.ghash, in);
                c.xorStream(out, in, 12);
                if (!c.decrypting) absorb(&c.ghash, out[0..in.len]);
                c.text_len += in.len;
            },
            .cfb => for (in, out[0..in.len]) |byte, *o| {
                if (c.used == block_length) {
                    c.aes.encrypt(&c.stream, &c.chain);
                    c.used = 0;
                }
                const result = byte ^ c.stream[c.used];
                c.chain[c.used] = if (c.decrypting) byte else result;
                c.used += 1;
                o.* = result;
            },
            .cfb8 => for (in, out[0..in.len]) |byte, *o| {
                c.aes.encrypt(&c.stream, &c.chain);
                const result = byte ^ c.stream[0];
                std.mem.copyForwards(u8, c.chain[0..15], c.chain[1..16]);
                c.chain[15] = if (c.decrypting) byte else result;
                o.* = result;
            },
            .ofb => for (in, out[0..in.len]) |byte, *o| {
                if (c.used == block_length) {
                    c.aes.encrypt(&c.stream, &c.chain);
                    c.chain = c.stream;
                    c.used = 0;
                }
                o.* = byte ^ c.stream[c.used];
                c.used += 1;
            },
        }
        return in.len;
    }

    /// Increments the counter in the bytes of `chain` from *first* on.
    fn count(c: *Cipher, first: usize) void {
        var i: usize = block_length;
        while (i > first) {
            i -= 1;
            c.chain[i] +%= 1;
            if (c.chain[i] != 0) return;
        }
    }

    fn nextStream(c: *Cipher, counter_at: usize) void {
        c.aes.encrypt(&c.stream, &c.chain);
        c.count(counter_at);
    }

    fn xorStream(c: *Cipher, out: []u8, in: []const u8, counter_at: usize) void {
        var i: usize = 0;
        while (i < in.len and c.used < block_length) : (i += 1) {
            out[i] = in[i] ^ c.stream[c.used];
            c.used += 1;
        }
        while (in.len - i >= block_length) : (i += block_length) {
            c.nextStream(counter_at);
            const text: @Vector(16, u8) = in[i..][0..16].*;
            out[i..][0..16].* = text ^ @as(@Vector(16, u8), c.stream);
        }
        if (i == in.len) return;
        c.nextStream(counter_at);
        c.used = 0;
        while (i < in.len) : (i += 1) {
            out[i] = in[i] ^ c.stream[c.used];
            c.used += 1;
        }
    }

    fn updateBlocks(c: *Cipher, out: []u8, in: []const u8) usize {
        // When decrypting, the last block may contain padding, so it is kept for `final`.
        const keep = c.decrypting and c.padding;
        var rest = in;
        var written: usize = 0;
        while (rest.len > 0) {
            if (c.pending_len == block_length) {
                c.block(out[written..][0..block_length], &c.pending);
                c.pending_len = 0;
                written += block_length;
            }
            if (c.pending_len == 0) {
                const whole = rest.len - @intFromBool(keep);
                var n: usize = 0;
                while (whole - n >= block_length) : (n += block_length) {
                    c.block(out[written..][0..block_length], rest[n..][0..block_length]);
                    written += block_length;
                }
                rest = rest[n..];
            }
            const n = @min(block_length - c.pending_len, rest.len);
            @memcpy(c.pending[c.pending_len..][0..n], rest[0..n]);
            c.pending_len += @intCast(n);
            rest = rest[n..];
            if (c.pending_len == block_length and !keep) {
                c.block(out[written..][0..block_length], &c.pending);
                c.pending_len = 0;
                written += block_length;
            }
        }
        return written;
    }

    fn block(c: *Cipher, out: *[block_length]u8, in: *const [block_length]u8) void {
        if (c.mode == .ecb) {
            if (c.decrypting) c.aes.decrypt(out, in) else c.aes.encrypt(out, in);
        } else if (c.decrypting) {
            const next = in.*;
            c.aes.decrypt(out, in);
            for (out, c.chain) |*o, previous| o.* ^= previous;
            c.chain = next;
        } else {
            for (&c.chain, in) |*o, byte| o.* ^= byte;
            c.aes.encrypt(out, &c.chain);
            c.chain = out.*;
        }
    }

    /// Writes the last block, if any, to *out*. Returns the number of bytes.
    pub fn final(c: *Cipher, out: *[block_length]u8) Error!usize {
        if (c.mode != .ecb and c.mode != .cbc) return 0;
        if (!c.padding) return if (c.pending_len == 0) 0 else error.WrongFinalBlockLength;
        if (!c.decrypting) {
            const fill: u8 = block_length - c.pending_len;
            @memset(c.pending[c.pending_len..], fill);
            c.block(out, &c.pending);
            return block_length;
        }
        if (c.pending_len != block_length) return error.WrongFinalBlockLength;
        c.block(out, &c.pending);
        const fill = out[block_length - 1];
        if (fill == 0 or fill > block_length) return error.BadDecrypt;
        for (out[block_length - fill ..]) |byte| if (byte != fill) return error.BadDecrypt;
        return block_length - fill;
    }

    /// GCM: computes the tag of all input. The state cannot be used afterwards.
    pub fn tag(c: *Cipher, out: *[block_length]u8) void {
        c.ghash.pad();
        var sizes: [block_length]u8 = undefined;
        std.mem.writeInt(u64, sizes[0..8], c.associated_len * 8, .big);
        std.mem.writeInt(u64, sizes[8..16], c.text_len * 8, .big);
        c.ghash.update(&sizes);
        c.ghash.final(out);
        for (out, c.mask) |*o, m| o.* ^= m;
    }
};
