using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;

/// <summary>Decodes captured packets of the relay card, hex, one or more a line. A question and its answer share a code; content and order tell them apart.</summary>
public sealed class K8090Capture : ICaptureDecoder
{
    private K8090Code? _asked;

    /// <inheritdoc/>
    public IReadOnlyList<CapturedFrame> Decode(string line)
    {
        if (HexLine.Parse(line, out var why) is not { } bytes)
            return HexLine.NotHex(why);
        var frames = new List<CapturedFrame>();
        for (var rest = bytes.AsSpan(); !rest.IsEmpty;)
        {
            if (rest.Length >= K8090Codec.Length && K8090Codec.IsPacket(rest[..K8090Codec.Length]))
            {
                frames.Add(Packet(rest[..K8090Codec.Length]));
                rest = rest[K8090Codec.Length..];
                continue;
            }
            frames.Add(new CapturedFrame(false, "unknown", new Dictionary<string, object?>(), rest.Length < K8090Codec.Length ? "truncated" : "no packet: 04 … 0f is needed"));
            rest = rest[AfterNoise(rest)..];
        }
        return frames;
    }

    /// <summary>Channels of a mask in words.</summary>
    public static string Channels(byte mask) => mask switch
    {
        0 => "none",
        0xFF => "ALL",
        _ => string.Join("|", Enumerable.Range(0, 8).Where(k => (mask & (1 << k)) != 0).Select(k => $"CH{k + 1}")),
    };

    private static int AfterNoise(ReadOnlySpan<byte> rest)
    {
        for (var at = 1; at + K8090Codec.Length <= rest.Length; at++)
            if (K8090Codec.IsPacket(rest.Slice(at, K8090Codec.Length)))
                return at;
        return rest.Length;
    }

    private CapturedFrame Packet(ReadOnlySpan<byte> bytes)
    {
        var packet = K8090Codec.Content(bytes);
        var sound = bytes[5] == K8090Codec.Checksum(bytes);
        var fields = new Dictionary<string, object?>();
        var told = Tells(packet);
        var kind = told ? Told(packet, fields) : Ordered(packet, fields);
        if (sound)
            _asked = told ? null : packet.Code;
        return new CapturedFrame(sound, kind, fields, sound ? "" : "bad checksum");
    }

    // 22, 44, 70 and 71 are asked and answered under the same code; a question carries no content except 44, whose third byte picks what is asked.
    private bool Tells(K8090Packet p) => p.Code switch
    {
        K8090Code.RelayStatus or K8090Code.ButtonStatus => true,
        K8090Code.ButtonMode or K8090Code.Jumper or K8090Code.Firmware => _asked == p.Code || p.Mask != 0 || p.Number != 0,
        K8090Code.TimerDelay => _asked == p.Code || p.Number > 1,
        _ => false,
    };

    private static string Told(K8090Packet p, Dictionary<string, object?> fields)
    {
        switch (p.Code)
        {
            case K8090Code.RelayStatus:
                (fields["previous"], fields["current"], fields["timed"]) = (Channels(p.Mask), Channels(p.First), Channels(p.Second));
                return "report";
            case K8090Code.ButtonStatus:
                (fields["pressed"], fields["pressed_now"], fields["released_now"]) = (Channels(p.Mask), Channels(p.First), Channels(p.Second));
                return "report";
            case K8090Code.ButtonMode:
                (fields["momentary"], fields["toggle"], fields["timed"]) = (Channels(p.Mask), Channels(p.First), Channels(p.Second));
                break;
            case K8090Code.TimerDelay:
                (fields["channels"], fields["delay_s"]) = (Channels(p.Mask), p.Number);
                break;
            case K8090Code.Jumper:
                fields["jumper"] = p.First != 0;
                break;
            default:
                fields["firmware"] = $"year {2000 + p.First} week {p.Second}";
                break;
        }
        return "reply";
    }

    private static string Ordered(K8090Packet p, Dictionary<string, object?> fields)
    {
        var channels = Channels(p.Mask);
        fields["command"] = p.Code switch
        {
            K8090Code.SwitchOn => $"switch on {channels}",
            K8090Code.SwitchOff => $"switch off {channels}",
            K8090Code.Toggle => $"toggle {channels}",
            K8090Code.QueryRelays => "relay status?",
            K8090Code.SetButtonMode => $"button mode momentary {channels}, toggle {Channels(p.First)}, timed {Channels(p.Second)}",
            K8090Code.ButtonMode => "button mode?",
            K8090Code.StartTimer => $"start timer {channels}, {(p.Number == 0 ? "default delay" : $"{p.Number} s")}",
            K8090Code.SetTimer => $"set timer {channels}, {p.Number} s",
            K8090Code.TimerDelay => $"timer delay? {channels}, {((p.Number & 1) == 0 ? "total" : "remaining")}",
            K8090Code.FactoryReset => "factory reset",
            K8090Code.Jumper => "jumper status?",
            K8090Code.Firmware => "firmware version?",
            _ => $"0x{(byte)p.Code:X2}, not known",
        };
        return p.Code is K8090Code.QueryRelays or K8090Code.ButtonMode or K8090Code.TimerDelay or K8090Code.Jumper or K8090Code.Firmware ? "request" : "command";
    }
}
