using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.JbdUart;

/// <summary>Decodes captured frames of the JBD UART protocol, hex, one or more a line. Every frame speaks for itself.</summary>
public sealed class JbdCapture : ICaptureDecoder
{
    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line)
    {
        if (HexLine.Parse(line, out var why) is not { } bytes)
            return HexLine.NotHex(why);
        var frames = new List<CapturedFrame>();
        var rest = bytes.AsSpan();
        while (rest.IndexOf(JbdCodec.Start) is >= 0 and var at)
        {
            rest = rest[at..];
            rest = rest[Next(rest, frames)..];
        }
        if (frames.Count == 0)
            frames.Add(new CapturedFrame(false, "unknown", new Dictionary<string, object?>(), "no start byte dd"));
        else if (!rest.IsEmpty && frames[^1].Valid)
            // Modules append noise; the length byte says where the frame ends.
            frames[^1] = frames[^1] with { Fields = new Dictionary<string, object?>(frames[^1].Fields) { ["ignored_bytes"] = rest.Length } };
        return frames;
    }

    private static int Next(ReadOnlySpan<byte> rest, List<CapturedFrame> frames)
    {
        var length = JbdCodec.Length(rest);
        var whole = length > 0 && length <= rest.Length;
        var why = !whole ? "truncated" : rest[length - 1] != JbdCodec.End ? "wrong end byte" : !JbdCodec.SumValid(rest[..length]) ? "wrong checksum" : "";
        var fields = new Dictionary<string, object?>();
        var kind = "unknown";
        if (whole)
            kind = rest[1] is JbdCodec.ReadMark or JbdCodec.WriteMark ? Host(rest[..length], fields) : Reply(rest[..length], fields);
        frames.Add(new CapturedFrame(why.Length == 0, kind, fields, why));
        // A sound frame may begin inside what a wrong length or a torn frame claimed for itself.
        return why.Length == 0 ? length : NextSound(rest, whole ? length : rest.Length);
    }

    private static int NextSound(ReadOnlySpan<byte> rest, int claimed)
    {
        for (var at = 1; at < claimed; at++)
            if (JbdCodec.Length(rest[at..]) is > 0 and var length && length <= rest.Length - at && JbdCodec.Sound(rest.Slice(at, length)))
                return at;
        return claimed;
    }

    private static string Host(ReadOnlySpan<byte> frame, Dictionary<string, object?> fields)
    {
        var (register, data) = (frame[2], frame[4..^3].ToArray());
        if (frame[1] == JbdCodec.ReadMark)
        {
            fields["command"] = $"read 0x{register:X2}" + register switch
            {
                JbdPack.BasicRegister => " basic info",
                JbdPack.CellsRegister => " cell voltages",
                JbdPack.HardwareRegister => " hardware version",
                _ => "",
            };
            return "request";
        }
        fields["command"] = (register, data) switch
        {
            (JbdPack.MosRegister, [0, <= 3 and var bits]) => $"write 0xE1 MOS: {Mos(bits)}",
            (0x00, [0x56, 0x78]) => "write 0x00 = 0x5678 (enter factory/EEPROM mode)",
            (0x01, [0, 0]) => "write 0x01 = 0 (exit factory/EEPROM mode)",
            (0x01, [0x28, 0x28]) => "write 0x01 = 0x2828 (save, exit factory/EEPROM mode)",
            _ => $"write 0x{register:X2} = 0x{Convert.ToHexString(data)}",
        };
        return "command";
    }

    private static string Mos(int off) => off switch
    {
        0 => "both on",
        1 => "charge off, discharge on",
        2 => "discharge off, charge on",
        _ => "both off",
    };

    private static string Reply(ReadOnlySpan<byte> frame, Dictionary<string, object?> fields)
    {
        var (register, status) = (frame[1], frame[2]);
        var data = frame[4..^3];
        if (status != JbdReply.Ok)
        {
            fields["error"] = $"0x{register:X2} error 0x{status:X2}";
            return "error";
        }
        switch (register)
        {
            case JbdPack.BasicRegister when JbdPack.Parse(data) is { } pack:
                Basic(pack, fields);
                return "report";
            case JbdPack.CellsRegister:
                var cells = JbdPack.CellMillivolts(data);
                fields["cells_mv"] = cells;
                fields["cells_v"] = cells.Select(c => c / 1000.0).ToArray();
                return "report";
            case JbdPack.HardwareRegister:
                fields["hardware"] = Encoding.Latin1.GetString(data).TrimEnd('\0', ' ');
                return "report";
            default:
                fields["ack"] = $"0x{register:X2} ok";
                if (!data.IsEmpty)
                    fields["data"] = Convert.ToHexStringLower(data);
                return "reply";
        }
    }

    private static void Basic(JbdPack pack, Dictionary<string, object?> fields)
    {
        fields["voltage_v"] = pack.Volt;
        fields["current_a"] = pack.Ampere;
        fields["remaining_ah"] = pack.RemainingAh;
        fields["nominal_ah"] = pack.NominalAh;
        fields["cycles"] = pack.Cycles;
        fields["date"] = pack.Date;
        fields["balance"] = (long)pack.Balance;
        fields["protection"] = pack.Protection;
        fields["protections"] = JbdPack.ProtectionText(pack.Protection);
        fields["software"] = $"{pack.Software >> 4}.{pack.Software & 0xF}";
        fields["soc_pct"] = pack.Soc;
        fields["charge_fet"] = pack.ChargeOn;
        fields["discharge_fet"] = pack.DischargeOn;
        fields["cells"] = pack.Cells;
        fields["temps_c"] = pack.Celsius;
    }
}
