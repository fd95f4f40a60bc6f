using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>Decodes captured EBC frames, hex, one or more a line. A wrong sum is told; what the frame says is shown all the same.</summary>
public sealed class EbcCapture : ICaptureDecoder
{
    private static readonly string[] Modes = ["cc_discharge", "cp_discharge", "cv_charge"];
    private static readonly string[] Phases = ["idle", "active", "finished"];

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line)
    {
        if (HexLine.Parse(line, out var why) is not { } bytes)
            return HexLine.NotHex(why);
        var frames = new List<CapturedFrame>();
        for (var rest = bytes.AsSpan(); !rest.IsEmpty;)
            rest = rest[Next(rest, frames)..];
        return frames;
    }

    private static int Next(ReadOnlySpan<byte> rest, List<CapturedFrame> frames)
    {
        if (rest.Length >= EbcCodec.ReportLength && Report(rest[..EbcCodec.ReportLength]) is { } report)
            frames.Add(report);
        else if (rest.Length >= EbcCodec.CommandLength && EbcCodec.TryDecodeHost(rest[..EbcCodec.CommandLength], out var host))
        {
            frames.Add(new CapturedFrame(host.ChecksumValid, "command", Command(host), host.ChecksumValid ? "" : "wrong checksum"));
            return EbcCodec.CommandLength;
        }
        else
        {
            frames.Add(new CapturedFrame(false, "unknown", new Dictionary<string, object?>(), "no frame: fa, 10 or 19 bytes, f8 is needed"));
            var start = rest[1..].IndexOf((byte)0xFA);
            return start < 0 ? rest.Length : start + 1;
        }
        return EbcCodec.ReportLength;
    }

    private static CapturedFrame? Report(ReadOnlySpan<byte> frame)
    {
        if (!EbcCodec.TryReadShape(frame, out var report))
            return null;
        var fields = new Dictionary<string, object?>
        {
            ["report"] = $"{Modes[(int)report.Mode]}_{Phases[(int)report.Phase]}",
            ["voltage_mv"] = Milli(report.Volt),
            ["current_ma"] = Milli(report.Ampere),
            ["capacity_mah"] = Milli(report.AmpereHour),
        };
        if (report.Settings is { } set)
            Settings(report.Mode, set, "set_", fields);
        if (report.Firmware is { } version)
            fields["firmware"] = $"{version / 100}.{version % 100 / 10}.{version % 10}";
        fields["device_type"] = $"0x{report.Model:X2} {EbcModel.Of(report.Model)?.Name ?? "unknown"}";
        return new CapturedFrame(report.ChecksumValid, "report", fields, report.ChecksumValid ? "" : "wrong checksum");
    }

    private static Dictionary<string, object?> Command(EbcHostFrame host)
    {
        var fields = new Dictionary<string, object?>();
        var first = host.Settings.First;
        switch (host.Command)
        {
            case EbcCommand.Start or EbcCommand.Adjust or EbcCommand.Resume:
                fields["command"] = $"{host.Command.ToString()!.ToLowerInvariant()}_{Modes[(int)host.Mode]}";
                Settings(host.Mode, host.Settings, "", fields);
                break;
            case EbcCommand.MinuteSync:
                (fields["command"], fields["minutes"]) = ("timer_sync", first);
                break;
            case EbcCommand.ResistancePulse:
                (fields["command"], fields["current_ma"]) = ("internal_resistance_pulse", first * 10);
                break;
            case null when host.Code == 0x04:
                Calibration(host, fields);
                break;
            default:
                fields["command"] = host.Command?.ToString().ToLowerInvariant() ?? $"0x{host.Code:X2}";
                break;
        }
        return fields;
    }

    // 04 sub value: sub is a byte of its own, so the value's digits are those of the next two bytes.
    private static void Calibration(EbcHostFrame host, Dictionary<string, object?> fields)
    {
        if (host.Payload[1] == 4)
        {
            fields["command"] = "calibrate_confirm";
            return;
        }
        fields["command"] = "calibrate";
        fields["sub"] = (int)host.Payload[1];
        fields[host.Payload[1] switch { 0 => "low_voltage_mv", 1 => "high_voltage_mv", 2 => "low_current_ma", 3 => "high_current_ma", _ => "value" }] =
            (host.Payload[2] * 240) + host.Payload[3];
    }

    private static void Settings(EbcMode mode, EbcSettings set, string prefix, Dictionary<string, object?> fields)
    {
        if (mode == EbcMode.CpDischarge)
            fields[$"{prefix}power_w"] = set.First;
        else
            fields[$"{prefix}current_ma"] = set.First * 10;
        if (mode == EbcMode.CvCharge)
            (fields[$"{prefix}voltage_mv"], fields[$"{prefix}cutoff_ma"]) = (set.Second * 10, set.Third * 10);
        else
            (fields[$"{prefix}cutoff_mv"], fields[prefix.Length == 0 ? "time_min" : "set_time_min"]) = (set.Second * 10, set.Third);
    }

    private static int Milli(double value) => (int)Math.Round(value * 1000);
}
