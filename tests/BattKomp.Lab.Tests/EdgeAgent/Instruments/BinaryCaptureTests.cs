using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.Tests.Support;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class BinaryCaptureTests
{
    private static readonly string[] Protocols =
        ["atorch-ff55", "binder-mk53", "daly-modbus", "ebc-a20", "jbd-uart", "modbus-rtu-tc038d", "riden-rd60xx", "velleman-k8090"];

    public static TheoryData<string> AllProtocols => [.. Protocols];

    [Theory]
    [MemberData(nameof(AllProtocols))]
    public void Every_captured_vector_decodes_to_what_it_states(string protocol)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("vectors", "vectors.json")));
        var decoder = InstrumentCatalogue.Decoders[protocol]();
        var vectors = json.RootElement.GetProperty("vectors").EnumerateArray().Where(v => v.GetProperty("protocol").GetString() == protocol).ToList();
        Assert.NotEmpty(vectors);
        Assert.All(vectors, vector =>
        {
            var frame = Assert.Single(decoder.Decode(Line(vector)));
            var decoded = vector.GetProperty("decoded");
            var accepted = decoded.TryGetProperty("accept_prefix", out _);
            Assert.Equal(accepted || !vector.TryGetProperty("checksum_valid", out var sum) || sum.GetBoolean(), frame.Valid);
            Assert.Equal(frame.Valid, frame.Why.Length == 0);
            if (decoded.TryGetProperty("reject", out _) || accepted)
                return;
            foreach (var field in decoded.EnumerateObject())
                AssertSame(field.Value, JsonSerializer.SerializeToElement(frame.Fields[field.Name]), field.Name);
        });
    }

    [Theory]
    // Facts of edge.md §1.9 beyond the vectors at hand.
    [InlineData("atorch-ff55", "ff 55 02 01 01 00 00 40", "reply", "OK")]
    [InlineData("velleman-k8090", "04 51 00 00 00 ab 0f", "current", "none")]
    [InlineData("velleman-k8090", "04 14 81 00 00 67 0f", "command", "toggle CH1|CH8")]
    [InlineData("jbd-uart", "dd a5 05 00 ff fb 77", "command", "read 0x05 hardware version")]
    [InlineData("jbd-uart", "dd e1 80 00 ff 80 77", "error", "0xE1 error 0x80")]
    [InlineData("jbd-uart", "dd 5a e1 02 00 03 ff 1a 77", "command", "write 0xE1 MOS: both off")]
    [InlineData("ebc-a20", "fa 07 00 14 01 5a 00 00 48 f8", "command", "adjust_cc_discharge")]
    [InlineData("ebc-a20", "fa 02 00 00 00 00 00 00 02 f8", "command", "stop")]
    [InlineData("binder-mk53", "0x11a9=293a 0x11aa=4235", "pv_c", 45.29)]
    [InlineData("binder-mk53", "0x11A9=a5f1 0x11AA=41e1", "pv_c", 28.206)]
    [InlineData("modbus-rtu-tc038d", "01 90 03", "", null)]
    public void Frames_beyond_the_vectors_are_named_in_the_same_words(string protocol, string line, string field, object? value)
    {
        var frame = Assert.Single(InstrumentCatalogue.Decoders[protocol]().Decode(line));
        if (field.Length == 0)
            Assert.Equal((false, "truncated"), (frame.Valid, frame.Why));
        else
            Assert.Equal((true, value), (frame.Valid, frame.Fields[field]));
    }

    [Fact]
    public void A_modbus_reply_is_read_in_the_light_of_its_question()
    {
        var decoder = InstrumentCatalogue.Decoders["modbus-rtu-tc038d"]();
        Assert.Equal([0, 1000], (int[])decoder.Decode("01 03 04 00 00 03 e8 fa 8d")[0].Fields["words"]!);
        var both = decoder.Decode("01 03 00 00 00 02 c4 0b  01 03 04 00 00 03 e8 fa 8d");
        Assert.Equal(["request", "reply"], both.Select(f => f.Kind));
        Assert.Equal(100.0, both[1].Fields["temperature_c"]);
    }

    [Fact]
    public void Coils_registers_and_exceptions_of_every_modbus_function_are_told_apart()
    {
        var decoder = InstrumentCatalogue.Decoders["modbus-rtu-tc038d"]();
        // 01 with 20 bits: question and answer both have eight bytes.
        foreach (var (function, asks) in new[] { (1, "00 13 00 14"), (2, "00 c4 00 16"), (4, "00 08 00 01"), (5, "00 ac ff 00"), (6, "00 01 00 03"), (0x0F, "00 13 00 0a 02 cd 01") })
        {
            var question = decoder.Decode(WithCrc($"11 {function:x2} {asks}"));
            Assert.True(Assert.Single(question).Valid);
            Assert.Contains(question[0].Kind, new[] { "request", "command" });
            var answer = function switch { 1 or 2 => "03 cd 6b 05", 4 => "02 00 0a", 0x0F => "00 13 00 0a", _ => asks };
            Assert.Equal("reply", Assert.Single(decoder.Decode(WithCrc($"11 {function:x2} {answer}"))).Kind);
            var refused = Assert.Single(decoder.Decode(WithCrc($"11 {function | 0x80:x2} 04")));
            Assert.Equal(("error", 4, $"0x{function:X2}"), (refused.Kind, refused.Fields["exception"], refused.Fields["fn"]));
        }
    }

    [Fact]
    public void A_torn_frame_is_dropped_when_the_next_one_begins()
    {
        var frames = InstrumentCatalogue.Decoders["atorch-ff55"]().Decode("ff 55 01 02 ff 55 02 01 01 00 00 40");
        Assert.Equal([false, true], frames.Select(f => f.Valid));
        Assert.StartsWith("truncated", frames[0].Why, StringComparison.Ordinal);
        frames = InstrumentCatalogue.Decoders["jbd-uart"]().Decode("dd 04 00 08 0f 45 dd e1 00 00 00 00 77");
        Assert.Equal([false, true], frames.Select(f => f.Valid));
    }

    [Fact]
    public void A_line_that_is_not_hex_says_so() =>
        Assert.All(Protocols, p => Assert.All(new[] { "", "hello", "fa 0", "0xzz", "=", "0x1077=zz", "0x1..=1" }, line =>
        {
            var frame = Assert.Single(InstrumentCatalogue.Decoders[p]().Decode(line));
            Assert.False(frame.Valid);
            Assert.NotEmpty(frame.Why);
        }));

    [Theory]
    [MemberData(nameof(AllProtocols))]
    public void Any_line_decodes_without_an_exception(string protocol)
    {
        var decoder = InstrumentCatalogue.Decoders[protocol]();
        var starts = new[] { "ff5501", "dd", "fa", "04", "01", "d203", "b1b2", "0x1228..0x123b=" };
        Gen.Select(Gen.Byte.Array[0, 600], Gen.Int[0, starts.Length - 1], Gen.Int[0, 3]).Sample((bytes, start, mode) =>
        {
            var hex = Convert.ToHexString(bytes);
            var line = mode switch { 0 => hex, 1 => starts[start] + hex, 2 => string.Concat(Enumerable.Repeat(starts[start] + hex, 3)), _ => new string([.. bytes.Select(b => (char)b)]) };
            return decoder.Decode(line).Count > 0;
        }, iter: 500);
    }

    [Theory]
    [MemberData(nameof(AllProtocols))]
    public void A_line_of_64_KB_ends_in_bounded_time(string protocol)
    {
        var decoder = InstrumentCatalogue.Decoders[protocol]();
        foreach (var start in new[] { "ff55", "ff5501", "dd", "dd0300ff", "fa", "04", "0103ff", "0110000000ff", "cacb", "b1b2", "6f", "00", "0x1=1 ", "0x0..0xffff=0 " })
        {
            var line = string.Concat(Enumerable.Repeat(start, (128 << 10) / start.Length));
            var started = Stopwatch.GetTimestamp();
            Assert.NotEmpty(decoder.Decode(line));
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5), $"{start}: {Stopwatch.GetElapsedTime(started)}");
        }
    }

    private static string Line(JsonElement vector) => vector.TryGetProperty("hex", out var hex)
        ? hex.GetString()!
        : string.Join(' ', vector.GetProperty("registers").EnumerateObject().Select(r => $"{r.Name}={r.Value.GetString()}"));

    private static string WithCrc(string hex) =>
        Convert.ToHexString(BattKomp.Lab.EdgeAgent.Instruments.Modbus.ModbusCodec.WithCrc(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal))));

    private static void AssertSame(JsonElement expected, JsonElement actual, string field)
    {
        if (expected.ValueKind == JsonValueKind.Array)
        {
            Assert.Equal(expected.GetArrayLength(), actual.GetArrayLength());
            foreach (var (e, a) in expected.EnumerateArray().Zip(actual.EnumerateArray()))
                AssertSame(e, a, field);
        }
        else if (expected.ValueKind == JsonValueKind.Number)
            Assert.True(Math.Abs(expected.GetDouble() - actual.GetDouble()) < 1e-9, $"{field}: {actual}, stated {expected}");
        else
            Assert.True(expected.ToString() == actual.ToString(), $"{field}: {actual}, stated {expected}");
    }
}
