using System.Buffers.Binary;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>Decodes captured FF55 frames of Atorch AC, DC and USB meters, hex, one or more a line; what is not FF55 is read as PX-100.</summary>
public sealed class DlCapture : ICaptureDecoder
{
    private readonly PxCapture _px = new();

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

    private int Next(ReadOnlySpan<byte> rest, List<CapturedFrame> frames)
    {
        if (_px.TryDecode(rest, out var px, out var taken))
            return Add(frames, px, taken);
        if (DlCodec.StreamLength(rest) is not FrameScanner.NoFrame and var length)
            return Stream(rest, length, frames);
        return Add(frames, Bad("no frame: ff 55, b1 b2, ca cb or 6f is needed"), 1 + Start(rest[1..]));
    }

    private static int Stream(ReadOnlySpan<byte> rest, int length, List<CapturedFrame> frames)
    {
        var whole = length > 0 && length <= rest.Length;
        var sound = whole && rest[length - 1] == DlCodec.Checksum(rest[..length]);
        // A new start inside a frame that is not sound: the old one was torn there.
        var newStart = sound || rest.Length < 2 ? -1 : rest[2..].IndexOf<byte>([0xFF, 0x55]);
        if (!sound && (!whole || (newStart >= 0 && newStart + 2 < length)))
            return Add(frames, Bad("truncated; dropped when the next ff 55 arrives"), newStart >= 0 ? newStart + 2 : rest.Length);
        var fields = new Dictionary<string, object?>();
        var kind = rest[2] switch
        {
            DlCodec.Report => Report(rest[..length], fields),
            DlCodec.Reply => Reply(rest[3], fields),
            _ => Command(rest[3], rest[4], fields),
        };
        return Add(frames, new CapturedFrame(sound, kind, fields, sound ? "" : "wrong checksum"), length);
    }

    private static string Report(ReadOnlySpan<byte> f, Dictionary<string, object?> fields)
    {
        var device = (DlDevice)f[3];
        fields["device"] = device switch { DlDevice.Ac => "AC meter", DlDevice.Dc => "DC meter", DlDevice.Usb => "USB meter", _ => $"0x{f[3]:X2}" };
        var (volt, ampere, third) = (DlCodec.Long(f[4..]), DlCodec.Long(f[7..]), DlCodec.Long(f[10..]));
        var energy = BinaryPrimitives.ReadUInt32BigEndian(f[13..]);
        switch (device)
        {
            case DlDevice.Ac:
                (fields["voltage_v"], fields["current_a"], fields["power_w"], fields["energy_kwh"]) = (volt / 10.0, ampere / 1000.0, third / 10.0, energy / 100.0);
                (fields["price"], fields["freq_hz"], fields["power_factor"]) = (DlCodec.Long(f[17..]) / 100.0, Word(f, 20) / 10.0, Word(f, 22) / 1000.0);
                Times(f, 24, 30, fields);
                break;
            case DlDevice.Dc:
                (fields["voltage_v"], fields["current_a"], fields["capacity_ah"], fields["energy_wh"]) = (volt / 10.0, ampere / 1000.0, third / 100.0, energy * 10.0);
                Times(f, 24, 30, fields);
                break;
            case DlDevice.Usb:
                (fields["voltage_v"], fields["current_a"], fields["capacity_ah"], fields["energy_wh"]) = (volt / 100.0, ampere / 100.0, third / 1000.0, energy / 100.0);
                (fields["dminus_v"], fields["dplus_v"]) = (Word(f, 17) / 100.0, Word(f, 19) / 100.0);
                Times(f, 21, 27, fields);
                break;
        }
        return "report";
    }

    private static void Times(ReadOnlySpan<byte> f, int celsius, int backlight, Dictionary<string, object?> fields)
    {
        fields["temp_c"] = Word(f, celsius);
        fields["runtime_s"] = DlCodec.Seconds(f[(celsius + 2)..]);
        fields["backlight_s"] = (int)f[backlight];
    }

    private static string Reply(byte state, Dictionary<string, object?> fields)
    {
        fields["reply"] = state switch { 0x01 => "OK", 0x03 => "unsupported", _ => $"0x{state:X2}" };
        return "reply";
    }

    private static string Command(byte device, byte code, Dictionary<string, object?> fields)
    {
        var name = code switch
        {
            0x01 => " reset energy",
            0x02 => " reset capacity",
            0x03 => " reset time",
            0x05 => " reset all",
            0x11 => " plus",
            0x12 => " minus",
            0x21 => " backlight time",
            0x22 => " price",
            0x31 => " Setup",
            0x32 => " Enter",
            0x33 => " Plus",
            0x34 => " Minus",
            _ => "",
        };
        fields["command"] = $"0x{code:x2}{name}";
        fields["device"] = (DlDevice)device switch { DlDevice.Ac => "AC", DlDevice.Dc => "DC", DlDevice.Usb => "USB", _ => $"0x{device:X2}" };
        return "command";
    }

    private static int Add(List<CapturedFrame> frames, CapturedFrame frame, int length)
    {
        frames.Add(frame);
        return length;
    }

    private static CapturedFrame Bad(string why) => new(false, "unknown", new Dictionary<string, object?>(), why);

    private static int Start(ReadOnlySpan<byte> rest)
    {
        for (var at = 0; at + 1 < rest.Length; at++)
            if (rest[at..] is [0xFF, 0x55, ..] or [0xB1, 0xB2, ..] or [0xCA, 0xCB, ..])
                return at;
        return rest.Length;
    }

    private static int Word(ReadOnlySpan<byte> f, int at) => BinaryPrimitives.ReadUInt16BigEndian(f[at..]);
}
