//! The implementation of `zlib` behind zlib.c. The caller owns the memory of states, and grows the sink that
//! receives the output.

const std = @import("std");
const Sink = @import("zlib/sink.zig").Sink;
const Deflate = @import("zlib/deflate.zig").Deflate;
const Inflate = @import("zlib/inflate.zig").Inflate;
const InflateFormat = @import("zlib/inflate.zig").Format;
const DeflateFormat = @import("zlib/deflate.zig").Format;
const Flush = @import("zlib/deflate.zig").Flush;

comptime {
    std.debug.assert(@alignOf(Deflate) <= 16);
    std.debug.assert(@alignOf(Inflate) <= 16);
}

/// Result of the functions: 0, or the index of the message in zlib.js.
const Status = enum(u32) {
    done,
    too_large,
    out_of_memory,
    incorrect_header_check,
    unknown_compression_method,
    invalid_window_size,
    unknown_header_flags,
    header_crc_mismatch,
    need_dictionary,
    bad_dictionary,
    invalid_block_type,
    invalid_stored_block_lengths,
    too_many_symbols,
    invalid_code_lengths,
    invalid_bit_length_repeat,
    missing_end_of_block,
    invalid_literal_lengths,
    invalid_distances,
    invalid_literal_code,
    invalid_distance_code,
    invalid_distance,
    incorrect_data_check,
    incorrect_length_check,
    unexpected_end, // 23 in zlib.c too

    fn of(failure: @import("zlib/inflate.zig").Error) Status {
        return switch (failure) {
            error.TooLarge => .too_large,
            error.OutOfMemory => .out_of_memory,
            error.IncorrectHeaderCheck => .incorrect_header_check,
            error.UnknownCompressionMethod => .unknown_compression_method,
            error.InvalidWindowSize => .invalid_window_size,
            error.UnknownHeaderFlags => .unknown_header_flags,
            error.HeaderCrcMismatch => .header_crc_mismatch,
            error.NeedDictionary => .need_dictionary,
            error.BadDictionary => .bad_dictionary,
            error.InvalidBlockType => .invalid_block_type,
            error.InvalidStoredBlockLengths => .invalid_stored_block_lengths,
            error.TooManySymbols => .too_many_symbols,
            error.InvalidCodeLengths => .invalid_code_lengths,
            error.InvalidBitLengthRepeat => .invalid_bit_length_repeat,
            error.MissingEndOfBlock => .missing_end_of_block,
            error.InvalidLiteralLengths => .invalid_literal_lengths,
            error.InvalidDistances => .invalid_distances,
            error.InvalidLiteralCode => .invalid_literal_code,
            error.InvalidDistanceCode => .invalid_distance_code,
            error.InvalidDistance => .invalid_distance,
            error.IncorrectDataCheck => .incorrect_data_check,
            error.IncorrectLengthCheck => .incorrect_length_check,
            error.UnexpectedEnd => .unexpected_end,
        };
    }
};

export fn hg_inflate_size() usize {
    return @sizeOf(Inflate);
}

/// Decompresses *input* into the sink, which must contain only the dictionary, if any. Sets *read* to the number
/// of bytes read.
export fn hg_inflate(
    state: *Inflate,
    sink: *Sink,
    input: [*]const u8,
    len: usize,
    format: InflateFormat,
    read: *usize,
) Status {
    read.* = state.run(sink, input[0..len], format, sink.data[0..sink.len]) catch |failure| return .of(failure);
    return .done;
}

export fn hg_deflate_size() usize {
    return @sizeOf(Deflate);
}

export fn hg_deflate_init(state: *Deflate, format: DeflateFormat, level: u8, huffman_only: bool) void {
    state.init(format, level, huffman_only);
}

export fn hg_deflate_preset(state: *Deflate, dictionary: [*]const u8, len: usize, scratch: *Sink) Status {
    state.preset(dictionary[0..len], scratch) catch |failure| return .of(failure);
    return .done;
}

export fn hg_deflate(state: *Deflate, sink: *Sink, bytes: [*]const u8, len: usize, flush: Flush) Status {
    state.write(sink, bytes[0..len], flush) catch |failure| return .of(failure);
    return .done;
}

export fn hg_crc32(bytes: [*]const u8, len: usize, seed: u32) u32 {
    var crc: std.hash.Crc32 = .{ .crc = ~seed };
    crc.update(bytes[0..len]);
    return crc.final();
}
