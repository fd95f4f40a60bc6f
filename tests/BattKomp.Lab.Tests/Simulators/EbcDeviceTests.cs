using System.Text.Json;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Tests.Support;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>The EBC-A20's behaviour and bytes without a line, time handed in.</summary>
public sealed class EbcDeviceTests
{
    [Fact]
    public void Captured_commands_are_understood_and_a_wrong_checksum_is_not()
    {
        foreach (var vector in Vectors("host->dev"))
        {
            var bytes = Hex(vector);
            var taken = new EbcCommandReader().Take(bytes).ToList();
            if (!vector.GetProperty("checksum_valid").GetBoolean())
            {
                Assert.Empty(taken);
                continue;
            }
            var device = Device();
            device.Take(Assert.Single(taken));
            Assert.Equal((1L, 0L), (device.Accepted, device.Refused));
            Settings(vector.GetProperty("decoded"), device.Settings);
        }
    }

    [Fact]
    public void A_device_in_the_captured_state_sends_the_captured_bytes()
    {
        var captured = Hex(Vectors("dev->host").Single(v => v.GetProperty("id").GetString() == "ebc-a20-20"));
        var flat = new OcvCurve([(0, 3.7468), (1, 3.7472)]);
        var device = new EbcDevice(new SharedCell(new EquivalentCircuitCell(new CellParameters(), flat), new SubstepPolicy(1)), new MeasurementNoise(0, 0));

        Order(device, 0x11, 1, 330);
        device.AdvanceTo(0.009 * 3.747 * 3600);
        Order(device, 0x02);
        device.AdvanceTo(20_000);

        Assert.Equal(Convert.ToHexString(captured), Convert.ToHexString(EbcWire.Frame(device.NextReport())));
    }

    [Fact]
    public void Numbers_survive_two_digits_and_never_look_like_a_frame_border() =>
        Gen.Int[0, EbcWire.Greatest].Sample(value =>
        {
            var digits = new byte[2];
            EbcWire.Number(digits, value);
            Assert.Equal(value, EbcWire.Number(digits));
            Assert.All(digits, d => Assert.InRange(d, 0, 239));
        });

    [Fact]
    public void Commands_are_found_however_the_bytes_are_cut_and_between_rubbish() =>
        Gen.Select(Gen.Byte[0, 0xF7].Array[0, 30], Gen.Int[0, 200].Array[1, 6], Gen.Int[1, 13]).Sample((rubbish, values, cut) =>
        {
            byte[] stream = [.. values.SelectMany(v => (byte[])[.. rubbish, .. EbcWire.Command(0x01, v, 330, 7)])];
            var reader = new EbcCommandReader();
            var found = stream.Chunk(cut).SelectMany(chunk => reader.Take(chunk)).ToList();
            Assert.Equal(values, found.Select(p => EbcWire.Number(p.AsSpan(1))));
            Assert.Equal(rubbish.Length * values.Length, reader.Skipped);
        });

    [Fact]
    public void Random_bytes_never_upset_the_device() =>
        Gen.Byte.Array[0, 4096].Sample(bytes =>
        {
            var device = Device();
            foreach (var payload in new EbcCommandReader().Take(bytes)) device.Take(payload);
            device.AdvanceTo(10);
            Assert.Equal(16, device.NextReport().Length);
        }, iter: 200);

    [Fact]
    public void The_time_limit_ends_a_discharge_to_the_second()
    {
        var device = Device();
        Order(device, 0x01, 100, 300, 2);
        device.AdvanceTo(119);
        Assert.Equal(0x0A, Report(device).Type);
        device.AdvanceTo(500);

        var report = Report(device);
        Assert.Equal(0x14, report.Type);
        Assert.Equal(0, report.Tens);
        Assert.Equal(33, report.Mah);
        Assert.Equal(1.0 * 120 / 3600, device.Cell.DischargeAh, 1e-9);
    }

    [Fact]
    public void Without_a_limit_only_the_cut_off_voltage_ends_a_discharge()
    {
        var device = Device();
        Order(device, 0x01, 250, 300, 0);
        device.AdvanceTo(7200);
        Assert.Equal(0x14, Report(device).Type);
        Assert.InRange(device.Cell.DischargeAh, 1.1, 1.25);
    }

    [Fact]
    public void A_charge_is_constant_current_then_constant_voltage_then_finished()
    {
        var device = Device();
        Order(device, 0x21, 250, 420, 10);
        device.AdvanceTo(60);
        Assert.Equal((0x0C, 250), (Report(device).Type, Report(device).Tens));
        var seconds = 60.0;
        while (Report(device).Type == 0x0C && Report(device).Tens == 250) device.AdvanceTo(seconds += 10);
        device.AdvanceTo(seconds + 60);
        var holding = Report(device);
        Assert.Equal(0x0C, holding.Type);
        Assert.InRange(holding.Tens, 11, 249);
        Assert.InRange(holding.Millivolt, 4195, 4201);

        device.AdvanceTo(20_000);
        Assert.Equal(0x16, Report(device).Type);
        Assert.InRange(device.Cell.Soc, 0.98, 1.0);
    }

    [Fact]
    public void Adjust_and_resume_go_on_counting_and_start_counts_afresh()
    {
        var device = Device();
        Order(device, 0x01, 360, 300);
        device.AdvanceTo(100);
        Order(device, 0x07, 180, 300);
        device.AdvanceTo(200);
        Assert.Equal((0x0A, 180, 150), (Report(device).Type, Report(device).Tens, Report(device).Mah));

        Order(device, 0x02);
        device.AdvanceTo(1000);
        Assert.Equal((0x00, 0, 150), (Report(device).Type, Report(device).Tens, Report(device).Mah));
        Assert.True(device.Stopped);

        Order(device, 0x08, 360, 300);
        device.AdvanceTo(1100);
        Assert.Equal((0x0A, 250), (Report(device).Type, Report(device).Mah));

        Order(device, 0x01, 360, 300);
        device.AdvanceTo(1200);
        Assert.Equal(100, Report(device).Mah);
    }

    [Fact]
    public void Constant_power_is_told_in_watt_and_draws_it()
    {
        var device = Device();
        Order(device, 0x11, 10, 300, 5);
        device.AdvanceTo(100);
        var report = Report(device);
        Assert.Equal(0x0B, report.Type);
        Assert.Equal(10, report.Tens / 100.0 * report.Millivolt / 1000.0, 0.05);
        device.AdvanceTo(400);
        Assert.Equal(0x15, Report(device).Type);
    }

    [Theory]
    [InlineData(0x01, 2001, 300, 0)]
    [InlineData(0x01, 0, 300, 0)]
    [InlineData(0x01, 100, 3001, 0)]
    [InlineData(0x01, 100, 300, 1000)]
    [InlineData(0x21, 501, 420, 10)]
    [InlineData(0x21, 100, 420, 0)]
    [InlineData(0x07, 100, 300, 0)]
    [InlineData(0x33, 100, 300, 0)]
    public void What_the_instrument_cannot_do_is_not_begun(byte code, int first, int second, int third)
    {
        var device = Device();
        Order(device, code, first, second, third);
        device.AdvanceTo(5);
        Assert.Equal((0x00, 0), (Report(device).Type, Report(device).Tens));
        Assert.Equal((0L, 1L), (device.Accepted, device.Refused));
    }

    [Fact]
    public void A_pulse_is_one_report_from_which_the_resistance_follows()
    {
        var device = Device();
        device.AdvanceTo(1);
        var open = Report(device).Millivolt;
        Order(device, 0x09, 200);
        var loaded = Report(device);
        Assert.Equal(200, loaded.Tens);
        Assert.Equal(0, Report(device).Tens);
        Assert.InRange((open - loaded.Millivolt) / 2.0, 19, 23); // mΩ: R0 = 20 and a second of the pairs
    }

    [Fact]
    public void After_connect_firmware_reports_alternate_for_fifteen_seconds()
    {
        var device = Device();
        device.AdvanceTo(100);
        Assert.DoesNotContain(Enumerable.Range(0, 10).Select(_ => Report(device).Type), t => t >= 100);

        Order(device, 0x05);
        var types = new List<int>();
        for (var i = 1; i <= 300; i++)
        {
            device.AdvanceTo(100 + i * 0.1);
            types.Add(Report(device).Type);
        }
        Assert.Equal(75, types.Take(150).Count(t => t == 0x64));
        Assert.DoesNotContain(types.Skip(151), t => t >= 100);
    }

    [Fact]
    public void However_fast_lab_time_runs_a_few_firmware_reports_come_and_none_after_disconnect()
    {
        var device = Device();
        Order(device, 0x05);
        device.AdvanceTo(1_000_000);
        Assert.Equal(5, Enumerable.Range(0, 40).Count(_ => Report(device).Type == 0x64));
        Order(device, 0x05);
        Order(device, 0x06);
        Assert.DoesNotContain(Enumerable.Range(0, 10).Select(_ => Report(device).Type), t => t >= 100);
    }

    [Fact]
    public void The_minute_sync_is_noted_and_changes_nothing()
    {
        var device = Device();
        Order(device, 0x01, 100, 300, 10);
        device.AdvanceTo(60);
        Order(device, 0x0A, 9);
        device.AdvanceTo(300);
        Assert.Equal(9, device.SyncedMinutes);
        Assert.Equal(0x0A, Report(device).Type);
    }

    private static EbcDevice Device() =>
        new(new SharedCell(new EquivalentCircuitCell(new CellParameters()), new SubstepPolicy(1)), new MeasurementNoise(0, 0));

    private static void Order(EbcDevice device, byte code, int first = 0, int second = 0, int third = 0) =>
        device.Take(EbcWire.Command(code, first, second, third).AsSpan(1, 7));

    private static (int Type, int Tens, int Millivolt, int Mah) Report(EbcDevice device)
    {
        var p = device.NextReport();
        return (p[0], p[1] * 240 + p[2], p[3] * 240 + p[4], p[5] * 240 + p[6]);
    }

    private static void Settings(JsonElement decoded, EbcSettings settings)
    {
        if (decoded.TryGetProperty("cutoff_mv", out var cutoff)) Assert.Equal(cutoff.GetInt32(), settings.Second * 10);
        if (decoded.TryGetProperty("voltage_mv", out var volt)) Assert.Equal(volt.GetInt32(), settings.Second * 10);
        if (decoded.TryGetProperty("power_w", out var watt)) Assert.Equal(watt.GetInt32(), settings.First);
        if (decoded.TryGetProperty("cutoff_ma", out var cutoffCurrent)) Assert.Equal(cutoffCurrent.GetInt32(), settings.Third * 10);
        if (decoded.TryGetProperty("time_min", out var minutes)) Assert.Equal(minutes.GetInt32(), settings.Third);
        if (decoded.TryGetProperty("current_ma", out var current) && decoded.GetProperty("command").GetString() != "internal_resistance_pulse")
            Assert.Equal(current.GetInt32(), settings.First * 10);
    }

    private static List<JsonElement> Vectors(string direction)
    {
        var file = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("vectors", "vectors.json")));
        var found = file.RootElement.GetProperty("vectors").EnumerateArray()
            .Where(v => v.GetProperty("protocol").GetString() == "ebc-a20" && v.GetProperty("direction").GetString() == direction).ToList();
        Assert.NotEmpty(found);
        return found;
    }

    private static byte[] Hex(JsonElement vector) => Convert.FromHexString(vector.GetProperty("hex").GetString()!.Replace(" ", ""));
}
