//! AES with keys of 128, 192 and 256 bits, on the rounds of std.crypto. It has its own key schedule because
//! std's does not support 192 bits.

const std = @import("std");
const Block = std.crypto.core.aes.Block;

const zero: [16]u8 = @splat(0);

pub const Aes = struct {
    rounds: u8,
    encryption: [15]Block,
    decryption: [15]Block,

    /// *key* is 16, 24 or 32 bytes.
    pub fn init(key: []const u8) Aes {
        const words = key.len / 4;
        const rounds = words + 6;
        var schedule: [60][4]u8 = undefined;
        for (0..words) |i| schedule[i] = key[4 * i ..][0..4].*;
        var constant: u8 = 1;
        for (words..4 * (rounds + 1)) |i| {
            var t = schedule[i - 1];
            if (i % words == 0) {
                t = substitute(.{ t[1], t[2], t[3], t[0] });
                t[0] ^= constant;
                constant = constant << 1 ^ if (constant & 0x80 != 0) @as(u8, 0x1b) else 0;
            } else if (words > 6 and i % words == 4) {
                t = substitute(t);
            }
            for (&schedule[i], schedule[i - words], t) |*out, a, b| out.* = a ^ b;
        }
        var aes: Aes = .{ .rounds = @intCast(rounds), .encryption = undefined, .decryption = undefined };
        for (0..rounds + 1) |i| {
            const bytes: *const [16]u8 = @ptrCast(schedule[4 * i ..][0..4]);
            aes.encryption[i] = .fromBytes(bytes);
            const inverse = rounds - i;
            aes.decryption[inverse] = if (i == 0 or i == rounds)
                aes.encryption[i]
            else
                aes.encryption[i].invMixColumns();
        }
        return aes;
    }

    /// Applies the S-box to four bytes: the last round on a state of four equal columns, which ShiftRows does not change.
    fn substitute(word: [4]u8) [4]u8 {
        const state: Block = .fromBytes(&(word ++ word ++ word ++ word));
        return state.encryptLast(.fromBytes(&zero)).toBytes()[0..4].*;
    }

    pub fn encrypt(aes: *const Aes, out: *[16]u8, in: *const [16]u8) void {
        var state = Block.fromBytes(in).xorBlocks(aes.encryption[0]);
        for (aes.encryption[1..aes.rounds]) |key| state = state.encrypt(key);
        out.* = state.encryptLast(aes.encryption[aes.rounds]).toBytes();
    }

    pub fn decrypt(aes: *const Aes, out: *[16]u8, in: *const [16]u8) void {
        var state = Block.fromBytes(in).xorBlocks(aes.decryption[0]);
        for (aes.decryption[1..aes.rounds]) |key| state = state.decrypt(key);
        out.* = state.decryptLast(aes.decryption[aes.rounds]).toBytes();
    }
};
