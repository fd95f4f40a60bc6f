using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MethodScript;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>Whatever a line holds, a text decoder answers in bounded time, throws nothing, and reads the next good lines right.</summary>
public class TextDecoderFuzzTests
{
    private const int MaxLine = 64 * 1024;

    // A request and its reply (or one line alone), and a field that the last of them must give.
    private static readonly Dictionary<string, (string[] Lines, string Field, object Value)> Good = new()
    {
        ["scpi-kepco-bop"] = (["MEAS:VOLT?", "8.0E-3"], "voltage_v", 0.008),
        ["ascii-aimtti-ld400p"] = (["A?", "A 10.5W"], "level_a", 10.5),
        ["ascii-tdk-genesys"] = (["MV?", "4.2001"], "voltage_v", 4.2001),
        ["espec-ascii"] = (["TEMP?", "26.4,0.0,140.0,-50.0"], "measured_c", 26.4),
        ["methodscript"] = (["Pda7F85F3Fu;ba48D503Dp,10,288"], "da", -0.499905),
        ["hcp-tc038-ascii"] = (["\\x0201010WRDD0002,01\\x03", "\\x020101OK00C8\\x03"], "temperature_c", 20.0),
    };

    private static readonly Gen<string> Noise = Gen.OneOf(
        Gen.Char.Array[0, 300].Select(c => new string(c)),
        Gen.Byte.Array[0, MaxLine].Select(b => string.Create(b.Length, b, (to, from) => { for (var k = 0; k < to.Length; k++) to[k] = (char)from[k]; })),
        Gen.Const(string.Concat(Enumerable.Repeat("\\x02", MaxLine / 4))),
        Gen.Const(string.Concat(Enumerable.Repeat("P;", MaxLine / 2))),
        Gen.Const(new string(';', MaxLine)), Gen.Const(new string(',', MaxLine)), Gen.Const(new string('?', MaxLine)),
        Gen.Const(string.Concat(Enumerable.Repeat("\\n", MaxLine / 2))), Gen.Const(new string('9', MaxLine)));

    public static TheoryData<string> Protocols => [.. Good.Keys];

    [Theory]
    [MemberData(nameof(Protocols))]
    public void Noise_of_any_kind_is_answered_in_time_and_the_next_good_frame_is_read(string protocol) =>
        Noise.Array[1, 4].Sample(lines => Survives(protocol, lines), iter: 60);

    [Theory]
    [MemberData(nameof(Protocols))]
    public void A_good_line_with_any_bytes_changed_cut_or_doubled_is_answered(string protocol) =>
        Gen.Select(Gen.Int[0, Good[protocol].Lines.Length - 1], Gen.Int[0, 80], Gen.Char[' ', 'z'], Gen.Int[0, 3]).Sample(t =>
        {
            var (which, at, now, how) = t;
            var line = Good[protocol].Lines[which];
            at %= line.Length;
            Survives(protocol, [how switch
            {
                0 => line[..at],
                1 => line[at..] + line,
                2 => line.Remove(at, 1).Insert(at, now.ToString()),
                _ => line.Insert(at, now.ToString()),
            }]);
        }, iter: 400);

    [Fact]
    public void Every_si_prefix_scales_and_every_other_letter_is_refused()
    {
        const string Prefixes = "afpnum ikMGTPE";
        double[] factors = [1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1, 1, 1e3, 1e6, 1e9, 1e12, 1e15, 1e18];
        for (var c = ' '; c <= '~'; c++)
        {
            var read = MethodScriptCodec.TryRead($"Pda8000003{c}", out var why);
            var k = Prefixes.IndexOf(c, StringComparison.Ordinal);
            if (k < 0)
                Assert.True(read is null && why.Length > 0, $"'{c}' must not scale");
            else
                Assert.Equal(3 * factors[k], read![0].Value, 1e-12 * factors[k]);
        }
    }

    [Fact]
    public void Every_encodable_value_reads_back() => Gen.Int[-(1 << 27), (1 << 27) - 1].Sample(raw =>
        MethodScriptCodec.TryRead($"Pba{raw + (1 << 27):X7}u,14,20A", out _) is [{ Status: 4, Range: 10, StatusText: "underload" } v] && Math.Abs(v.Value - (raw * 1e-6)) < 1e-9);

    private static void Survives(string protocol, string[] lines)
    {
        var decoder = InstrumentCatalogue.Decoders[protocol]();
        var started = Stopwatch.GetTimestamp();
        foreach (var line in lines)
            Assert.All(decoder.Decode(line), f => Assert.True(f.Valid == (f.Why.Length == 0)));
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5), "decoding must not take long");
        var (good, field, value) = Good[protocol];
        // A question that noise left open may swallow one line; a second question is never swallowed.
        decoder.Decode(good[0]);
        CapturedFrame? last = null;
        foreach (var line in good)
            last = decoder.Decode(line)[^1];
        Assert.True(last!.Valid && Equals(last.Fields[field], value), $"{last.Why} {string.Join(", ", last.Fields)}");
    }
}
