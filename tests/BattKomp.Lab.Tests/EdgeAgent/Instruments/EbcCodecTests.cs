using System.Buffers;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.Tests.Support;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class EbcCodecTests
{
    private static readonly byte[] Good = Bytes("fa 0a 00 64 0f 93 00 09 00 00 00 64 01 5a 00 0a 09 f1 f8", fixSum: true);

    [Fact]
    public void Every_captured_frame_decodes_as_stated()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("vectors", "vectors.json")));
        var checkedVectors = 0;
        foreach (var vector in json.RootElement.GetProperty("vectors").EnumerateArray())
        {
            if (vector.GetProperty("protocol").GetString() != "ebc-a20")
                continue;
            var bytes = Bytes(vector.GetProperty("hex").GetString()!);
            var valid = vector.GetProperty("checksum_valid").GetBoolean();
            if (vector.GetProperty("direction").GetString() == "host->dev")
                AssertHost(vector.GetProperty("decoded"), bytes, valid);
            else
                AssertReport(vector.GetProperty("decoded"), bytes, valid);
            checkedVectors++;
        }
        Assert.True(checkedVectors >= 14, $"only {checkedVectors} vectors were found");
    }

    [Theory]
    [InlineData("fa 05 00 00 00 00 00 00 05 f8", EbcCommand.Connect, 0)]
    [InlineData("fa 02 00 00 00 00 00 00 02 f8", EbcCommand.Stop, 0)]
    [InlineData("fa 0a 01 00 00 00 00 00 0b f8", EbcCommand.MinuteSync, 240)]
    public void Our_own_orders_encode_to_these_bytes(string hex, EbcCommand command, int first) =>
        Assert.Equal(Bytes(hex), EbcCodec.Encode(command, first));

    [Fact]
    public void A_start_encodes_current_cut_off_and_minutes_in_base_240()
    {
        Assert.Equal(Bytes("fa 01 00 14 01 5a 00 00 4e f8"), EbcCodec.Encode(EbcCommand.Start, EbcMode.CcDischarge, new EbcSettings(20, 330, 0)));
        Assert.Equal(Bytes("fa 28 01 3c 01 b4 00 0a aa f8"), EbcCodec.Encode(EbcCommand.Resume, EbcMode.CvCharge, new EbcSettings(300, 420, 10)));
    }

    [Fact]
    public void A_wrong_sum_over_plausible_data_is_kept_and_marked()
    {
        var frame = (byte[])Good.Clone();
        frame[^2] ^= 0x01;
        Assert.True(EbcCodec.TryDecodeReport(frame, out var report));
        Assert.False(report.ChecksumValid);
        frame[16] = 0x33;
        Assert.False(EbcCodec.TryDecodeReport(frame, out _));
    }

    [Fact]
    public void A_number_that_needs_three_digits_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => EbcCodec.Encode(EbcCommand.Start, EbcMode.CcDischarge, new EbcSettings(57600, 0, 0)));

    [Fact]
    public void Any_settings_come_back_from_their_bytes() =>
        Gen.Select(Gen.Int[0, 57599], Gen.Int[0, 57599], Gen.Int[0, 57599], Gen.Int[0, 2]).Sample((a, b, c, mode) =>
        {
            var bytes = EbcCodec.Encode(EbcCommand.Start, (EbcMode)mode, new EbcSettings(a, b, c));
            return EbcCodec.TryDecodeHost(bytes, out var host) && host.ChecksumValid && host.Settings == new EbcSettings(a, b, c)
                && host.Mode == (EbcMode)mode && host.Command == EbcCommand.Start;
        });

    [Fact]
    public void Any_input_never_throws_and_the_next_good_frame_is_found() =>
        Gen.Select(Gen.Byte.Array[0, 4096], Gen.Int[1, 1024], Gen.Int[1, 16]).Sample((noise, cut, repeat) =>
        {
            var junk = Enumerable.Repeat(noise, repeat).SelectMany(b => b).ToArray();
            // Two good frames: one may be swallowed by a false start in the noise right before it, never both.
            byte[] all = [.. junk, .. Good, .. Good];
            var reports = Read(all, cut);
            Assert.True(EbcCodec.TryDecodeReport(Good, out var expected));
            return reports.Count > 0 && reports[^1] == expected;
        }, iter: 300);

    [Fact]
    public void Mutated_streams_never_throw_and_lose_no_frame_that_was_left_alone() =>
        Gen.Select(Gen.Int[2, 3000], Gen.Int[0, int.MaxValue], Gen.Int[1, 700]).Sample((frames, seed, cut) =>
        {
            var random = new Random(seed);
            var stream = Enumerable.Repeat(Good, frames).SelectMany(b => b).ToArray();
            stream[random.Next(stream.Length - Good.Length)] = (byte)random.Next(256);
            return Read(stream, cut).Count >= frames - 2;
        }, iter: 100);

    private static List<EbcReport> Read(byte[] bytes, int cut)
    {
        var reports = new List<EbcReport>();
        var waiting = Array.Empty<byte>();
        for (var at = 0; at < bytes.Length; at += cut)
        {
            waiting = [.. waiting, .. bytes.AsSpan(at, Math.Min(cut, bytes.Length - at))];
            var sequence = new ReadOnlySequence<byte>(waiting);
            while (EbcCodec.TryReadReport(ref sequence, out var report, out _))
                reports.Add(report);
            waiting = sequence.ToArray();
        }
        return reports;
    }

    private static void AssertHost(JsonElement decoded, byte[] bytes, bool valid)
    {
        Assert.True(EbcCodec.TryDecodeHost(bytes, out var host));
        Assert.Equal(valid, host.ChecksumValid);
        var name = decoded.GetProperty("command").GetString()!;
        var (command, first) = name switch
        {
            "connect" => (EbcCommand.Connect, 0),
            "start_cc_discharge" => (EbcCommand.Start, Of(decoded, "current_ma", 10)),
            "adjust_cc_discharge" => (EbcCommand.Adjust, Of(decoded, "current_ma", 10)),
            "resume_cc_discharge" => (EbcCommand.Resume, Of(decoded, "current_ma", 10)),
            "resume_cp_discharge" => (EbcCommand.Resume, Of(decoded, "power_w", 1)),
            "resume_cv_charge" => (EbcCommand.Resume, Of(decoded, "current_ma", 10)),
            "timer_sync" => (EbcCommand.MinuteSync, Of(decoded, "minutes", 1)),
            "internal_resistance_pulse" => (EbcCommand.ResistancePulse, Of(decoded, "current_ma", 10)),
            _ => ((EbcCommand?)null, host.Settings.First),
        };
        // Calibration frames are recognised as no order of ours.
        Assert.Equal(command, host.Command);
        Assert.Equal(first, host.Settings.First);
        if (decoded.TryGetProperty("cutoff_mv", out _))
            Assert.Equal(Of(decoded, "cutoff_mv", 10), host.Settings.Second);
        if (decoded.TryGetProperty("voltage_mv", out _))
            Assert.Equal((Of(decoded, "voltage_mv", 10), Of(decoded, "cutoff_ma", 10)), (host.Settings.Second, host.Settings.Third));
    }

    private static void AssertReport(JsonElement decoded, byte[] bytes, bool valid)
    {
        Assert.True(EbcCodec.TryDecodeReport(bytes, out var report));
        Assert.Equal(valid, report.ChecksumValid);
        Assert.Equal("cp_discharge_idle", decoded.GetProperty("report").GetString());
        Assert.Equal((EbcMode.CpDischarge, EbcPhase.Idle, 0x09), (report.Mode, report.Phase, report.Model));
        Assert.Equal(Of(decoded, "voltage_mv", 1), Math.Round(report.Volt * 1000));
        Assert.Equal(Of(decoded, "current_ma", 1), Math.Round(report.Ampere * 1000));
        Assert.Equal(Of(decoded, "capacity_mah", 1), Math.Round(report.AmpereHour * 1000));
        Assert.Equal(new EbcSettings(Of(decoded, "set_power_w", 1), Of(decoded, "set_cutoff_mv", 10), Of(decoded, "set_time_min", 1)), report.Settings);
    }

    private static int Of(JsonElement decoded, string field, int unit) => decoded.GetProperty(field).GetInt32() / unit;

    private static byte[] Bytes(string hex, bool fixSum = false)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        if (fixSum)
            bytes[^2] = EbcCodec.Xor(bytes.AsSpan(1, bytes.Length - 3));
        return bytes;
    }
}
