using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.Modbus;

/// <summary>
/// Decodes captured Modbus RTU frames, hex, one or more a line. A reply is read in the light of the question before it. Instruments derive from it and
/// give their registers names.
/// </summary>
public class ModbusCapture : ICaptureDecoder
{
    private ModbusRequest? _asked;

    /// <inheritdoc/>
    public virtual IReadOnlyList<CapturedFrame> Decode(string line)
    {
        if (HexLine.Parse(line, out var why) is not { } bytes)
            return HexLine.NotHex(why);
        var frames = new List<CapturedFrame>();
        for (var rest = bytes.AsSpan(); !rest.IsEmpty;)
            rest = rest[Next(rest, frames)..];
        return frames;
    }

    /// <summary>Names what a question reads.</summary>
    protected virtual void Read(ModbusRequest request, Dictionary<string, object?> fields) =>
        fields["read"] = $"{Amount(request)} @0x{request.Address:X4}";

    /// <summary>Names what a question writes.</summary>
    protected virtual void Write(ModbusRequest request, Dictionary<string, object?> fields) =>
        fields["write"] = $"{Amount(request)} @0x{request.Address:X4}: {string.Join(", ", Values(request))}";

    /// <summary>Names what was read; <paramref name="asked"/> is null when the question was not seen.</summary>
    protected virtual void Answer(ModbusReply reply, ModbusRequest? asked, Dictionary<string, object?> fields)
    {
        if (asked is not null)
            fields["address"] = (int)asked.Address;
        if (reply.Function is ModbusFunction.ReadCoils or ModbusFunction.ReadDiscreteInputs)
            fields["bits"] = Convert.ToHexStringLower(reply.Data);
        else
            fields["words"] = reply.Words.Select(w => (int)w).ToArray();
    }

    /// <summary>Names what was acknowledged.</summary>
    protected virtual void Acknowledge(ModbusRequest written, Dictionary<string, object?> fields) =>
        fields["ack"] = $"write {Amount(written)} @0x{written.Address:X4}";

    /// <summary>Registers or bits, counted in words.</summary>
    protected static string Amount(ModbusRequest request) => (request.Function, request.Count) switch
    {
        (ModbusFunction.ReadCoils or ModbusFunction.ReadDiscreteInputs or ModbusFunction.WriteCoil or ModbusFunction.WriteCoils, var n) => n == 1 ? "1 bit" : $"{n} bits",
        (_, 1) => "1 word",
        var (_, n) => $"{n} words",
    };

    /// <summary>Written values; pairs of words as signed 32 bits where <paramref name="request"/> has an even number of them and the instrument says so.</summary>
    protected virtual IEnumerable<string> Values(ModbusRequest request) => request.Function switch
    {
        ModbusFunction.WriteCoil => [request.Data is [0xFF, 0] ? "on" : "off"],
        ModbusFunction.WriteCoils => [Convert.ToHexStringLower(request.Data)],
        _ => request.Words.Select(w => $"{w}"),
    };

    private int Next(ReadOnlySpan<byte> rest, List<CapturedFrame> frames)
    {
        var asQuestion = Fit(ModbusCodec.RequestLength(rest), rest);
        var asAnswer = Fit(ModbusCodec.ReplyLength(rest), rest);
        // Reads of 17 to 24 bits: question and answer both have eight bytes; then the frame is the answer when its question was just seen.
        var answerFirst = asAnswer > 0 && ModbusCodec.CrcValid(rest[..asAnswer])
            && (asAnswer != asQuestion || (_asked is { } asked && ModbusCodec.Reply(rest[..asAnswer]) is { } reply && ModbusCodec.Answers(reply, asked)));
        if (answerFirst)
            return Add(asAnswer, rest, true, frames);
        if (asQuestion > 0 && ModbusCodec.CrcValid(rest[..asQuestion]))
            return Add(asQuestion, rest, false, frames);
        return Bad(rest, asQuestion, asAnswer, frames);
    }

    // What is not sound is shown as far as its shape goes: first the shape that takes up the whole line.
    private int Bad(ReadOnlySpan<byte> rest, int asQuestion, int asAnswer, List<CapturedFrame> frames)
    {
        if (asQuestion == rest.Length)
            return Add(asQuestion, rest, false, frames, "bad CRC");
        if (asAnswer == rest.Length)
            return Add(asAnswer, rest, true, frames, "bad CRC");
        var truncated = rest.Length < 4 || (ModbusCodec.RequestLength(rest) is var q && ModbusCodec.ReplyLength(rest) is var a && asQuestion == 0 && asAnswer == 0 && (q != 0 || a != 0));
        frames.Add(new CapturedFrame(false, "unknown", new Dictionary<string, object?>(), truncated ? "truncated" : $"bad CRC; {rest.Length} bytes are no frame"));
        return rest.Length;
    }

    private int Add(int length, ReadOnlySpan<byte> rest, bool answer, List<CapturedFrame> frames, string why = "")
    {
        var fields = new Dictionary<string, object?>();
        var frame = rest[..length];
        var kind = answer ? Answered(ModbusCodec.Reply(frame)!, why.Length == 0, fields) : Asked(ModbusCodec.Request(frame)!, why.Length == 0, fields);
        frames.Add(new CapturedFrame(why.Length == 0, kind, fields, why));
        return length;
    }

    private string Asked(ModbusRequest request, bool sound, Dictionary<string, object?> fields)
    {
        if (request.Function == ModbusFunction.Diagnostics && request.Address == 0)
            fields["echo"] = $"0x{request.Words[0]:X4}";
        else if (request.IsRead)
            Read(request, fields);
        else
            Write(request, fields);
        if (sound)
            _asked = request;
        return request.IsRead || request.Function == ModbusFunction.Diagnostics ? "request" : "command";
    }

    private string Answered(ModbusReply reply, bool sound, Dictionary<string, object?> fields)
    {
        var asked = _asked is { } question && ModbusCodec.Answers(reply, question) ? question : null;
        if (sound)
            _asked = null;
        if (reply.Exception != 0)
        {
            fields["exception"] = (int)reply.Exception;
            fields["fn"] = $"0x{(byte)reply.Function:X2}";
            fields["reason"] = ModbusRefusedException.Reason(reply.Exception);
            return "error";
        }
        if (reply.Function <= ModbusFunction.ReadInput)
            Answer(reply, asked, fields);
        else if (reply.Function == ModbusFunction.Diagnostics)
            fields["echo"] = $"0x{reply.Words[1]:X4}";
        else
            Acknowledge(asked ?? new ModbusRequest(reply.Unit, reply.Function, reply.Words[0],
                reply.Function is ModbusFunction.WriteCoils or ModbusFunction.WriteRegisters ? reply.Words[1] : (ushort)1, reply.Data[2..]), fields);
        return "reply";
    }

    private static int Fit(int length, ReadOnlySpan<byte> rest) => length > 0 && length <= rest.Length ? length : 0;
}
