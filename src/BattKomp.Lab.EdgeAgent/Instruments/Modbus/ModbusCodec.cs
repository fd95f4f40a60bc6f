using System.Buffers;
using System.Buffers.Binary;
using BattKomp.Lab.EdgeAgent.Instruments.Frames;

namespace BattKomp.Lab.EdgeAgent.Instruments.Modbus;

/// <summary>Functions of Modbus that this code speaks.</summary>
public enum ModbusFunction : byte
{
    /// <summary>Reads outputs of one bit.</summary>
    ReadCoils = 0x01,

    /// <summary>Reads inputs of one bit.</summary>
    ReadDiscreteInputs = 0x02,

    /// <summary>Reads registers of 16 bits.</summary>
    ReadHolding = 0x03,

    /// <summary>Reads input registers of 16 bits.</summary>
    ReadInput = 0x04,

    /// <summary>Sets one bit: FF00 or 0000.</summary>
    WriteCoil = 0x05,

    /// <summary>Sets one register.</summary>
    WriteRegister = 0x06,

    /// <summary>Sub-function and data; sub-function 0 echoes.</summary>
    Diagnostics = 0x08,

    /// <summary>Sets bits.</summary>
    WriteCoils = 0x0F,

    /// <summary>Sets registers.</summary>
    WriteRegisters = 0x10,
}

/// <summary>One question.</summary>
/// <param name="Unit">Address of the device, 1–247 (some use more).</param>
/// <param name="Function">What is asked.</param>
/// <param name="Address">First register or bit; sub-function of <see cref="ModbusFunction.Diagnostics"/>.</param>
/// <param name="Count">Registers or bits; 1 for the functions that set one.</param>
/// <param name="Data">What is written, as on the wire; empty for a read.</param>
public sealed record ModbusRequest(byte Unit, ModbusFunction Function, ushort Address, ushort Count, byte[] Data)
{
    /// <summary>Reads holding registers (03).</summary>
    public static ModbusRequest Read(byte unit, int address, int count) => new(unit, ModbusFunction.ReadHolding, (ushort)address, (ushort)count, []);

    /// <summary>Writes one register (06).</summary>
    public static ModbusRequest Write(byte unit, int address, int word) => new(unit, ModbusFunction.WriteRegister, (ushort)address, 1, ModbusCodec.Bytes([(ushort)word]));

    /// <summary>Writes registers (10).</summary>
    public static ModbusRequest Write(byte unit, int address, ushort[] words) =>
        new(unit, ModbusFunction.WriteRegisters, (ushort)address, (ushort)words.Length, ModbusCodec.Bytes(words));

    /// <summary>The written registers.</summary>
    public ushort[] Words => ModbusCodec.Words(Data);

    /// <summary>True for the functions that read.</summary>
    public bool IsRead => Function is >= ModbusFunction.ReadCoils and <= ModbusFunction.ReadInput;
}

/// <summary>One answer.</summary>
/// <param name="Unit">Who answered.</param>
/// <param name="Function">The function asked for.</param>
/// <param name="Exception">Its refusal's code; 0 = none.</param>
/// <param name="Data">What was read, as on the wire; for writes the echoed address and value or count.</param>
public sealed record ModbusReply(byte Unit, ModbusFunction Function, byte Exception, byte[] Data)
{
    /// <summary>The registers read.</summary>
    public ushort[] Words => ModbusCodec.Words(Data);
}

/// <summary>Modbus RTU frames, pure: big-endian fields, CRC-16 low byte first. Nothing here throws on any received input.</summary>
public static class ModbusCodec
{
    /// <summary>Set in the function of a refusal.</summary>
    public const byte ExceptionBit = 0x80;

    /// <summary>CRC-16/MODBUS: polynomial A001 reflected, start FFFF.</summary>
    public static ushort Crc(ReadOnlySpan<byte> bytes)
    {
        ushort crc = 0xFFFF;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 1) != 0 ? (crc >> 1) ^ 0xA001 : crc >> 1);
        }
        return crc;
    }

    /// <summary>True when a frame ends in the CRC of what comes before.</summary>
    public static bool CrcValid(ReadOnlySpan<byte> frame) =>
        frame.Length >= 4 && BinaryPrimitives.ReadUInt16LittleEndian(frame[^2..]) == Crc(frame[..^2]);

    /// <summary>The bytes of a question.</summary>
    public static byte[] Encode(ModbusRequest request)
    {
        byte[] head = [request.Unit, (byte)request.Function, (byte)(request.Address >> 8), (byte)request.Address];
        return WithCrc(request.Function switch
        {
            ModbusFunction.WriteCoil or ModbusFunction.WriteRegister or ModbusFunction.Diagnostics => [.. head, .. request.Data],
            ModbusFunction.WriteCoils or ModbusFunction.WriteRegisters =>
                [.. head, (byte)(request.Count >> 8), (byte)request.Count, (byte)request.Data.Length, .. request.Data],
            _ => [.. head, (byte)(request.Count >> 8), (byte)request.Count],
        });
    }

    /// <summary>A frame with its CRC.</summary>
    public static byte[] WithCrc(byte[] frame)
    {
        var crc = Crc(frame);
        return [.. frame, (byte)crc, (byte)(crc >> 8)];
    }

    /// <summary>Reads a question from a frame of whole length; the CRC is not looked at. Null when its shape is none of a question.</summary>
    public static ModbusRequest? Request(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 4 || RequestLength(frame) != frame.Length)
            return null;
        var function = (ModbusFunction)frame[1];
        var (address, second) = (Word(frame[2..]), Word(frame[4..]));
        return function switch
        {
            ModbusFunction.WriteCoil or ModbusFunction.WriteRegister or ModbusFunction.Diagnostics =>
                new ModbusRequest(frame[0], function, address, 1, frame[4..6].ToArray()),
            ModbusFunction.WriteCoils or ModbusFunction.WriteRegisters => new ModbusRequest(frame[0], function, address, second, frame[7..^2].ToArray()),
            _ => new ModbusRequest(frame[0], function, address, second, []),
        };
    }

    /// <summary>Reads an answer from a frame of whole length; the CRC is not looked at. Null when its shape is none of an answer.</summary>
    public static ModbusReply? Reply(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 5 || ReplyLength(frame) != frame.Length)
            return null;
        var function = (ModbusFunction)(frame[1] & ~ExceptionBit);
        return (frame[1] & ExceptionBit) != 0 ? new ModbusReply(frame[0], function, frame[2], [])
            : function <= ModbusFunction.ReadInput ? new ModbusReply(frame[0], function, 0, frame[3..^2].ToArray())
            : new ModbusReply(frame[0], function, 0, frame[2..^2].ToArray());
    }

    /// <summary>
    /// Takes the answer to one question: unit, function, and size or echo must fit. Everything else (noise, other units' frames, answers to other
    /// questions) is skipped; false when more must arrive.
    /// </summary>
    public static bool TryTakeReply(ref ReadOnlySequence<byte> input, ModbusRequest request, out ModbusReply reply)
    {
        int Length(ReadOnlySpan<byte> head) =>
            head[0] != request.Unit ? FrameScanner.NoFrame
            : head.Length < 2 ? FrameScanner.TooShort
            : (head[1] & ~ExceptionBit) == (byte)request.Function ? ReplyLength(head)
            : FrameScanner.NoFrame;
        bool Decode(ReadOnlySpan<byte> frame, out ModbusReply found)
        {
            found = (CrcValid(frame) ? Reply(frame) : null)!;
            return found is not null && Answers(found, request);
        }
        int Expected(ReadOnlySpan<byte> head) =>
            // A false start must not make the answer behind it wait for bytes that never come.
            request.IsRead && head is [_, _, var size, ..] && head[1] == (byte)request.Function && size != ReadBytes(request) ? FrameScanner.NoFrame : Length(head);
        return FrameScanner.TryTake(ref input, Expected, Decode, out reply, out _);
    }

    /// <summary>True when a reply can be the one to this question: unit, function, and size or echo fit.</summary>
    public static bool Answers(ModbusReply reply, ModbusRequest request) =>
        reply.Unit == request.Unit && reply.Function == request.Function && (reply.Exception != 0 || request.Function switch
        {
            <= ModbusFunction.ReadInput => reply.Data.Length == ReadBytes(request),
            ModbusFunction.WriteCoils or ModbusFunction.WriteRegisters => Word(reply.Data) == request.Address && Word(reply.Data.AsSpan(2)) == request.Count,
            _ => Word(reply.Data) == request.Address && reply.Data.AsSpan(2).SequenceEqual(request.Data),
        });

    /// <summary>Length of the question that would begin here, CRC included.</summary>
    public static int RequestLength(ReadOnlySpan<byte> head) => head.Length < 2 ? FrameScanner.TooShort : (ModbusFunction)head[1] switch
    {
        >= ModbusFunction.ReadCoils and <= ModbusFunction.WriteRegister or ModbusFunction.Diagnostics => 8,
        ModbusFunction.WriteCoils or ModbusFunction.WriteRegisters => head.Length < 7 ? FrameScanner.TooShort : 9 + head[6],
        _ => FrameScanner.NoFrame,
    };

    /// <summary>Length of the answer that would begin here, CRC included.</summary>
    public static int ReplyLength(ReadOnlySpan<byte> head)
    {
        if (head.Length < 2)
            return FrameScanner.TooShort;
        var function = (ModbusFunction)(head[1] & ~ExceptionBit);
        if (!Enum.IsDefined(function))
            return FrameScanner.NoFrame;
        if ((head[1] & ExceptionBit) != 0)
            return 5;
        return function > ModbusFunction.ReadInput ? 8 : head.Length < 3 ? FrameScanner.TooShort : 5 + head[2];
    }

    /// <summary>Big-endian words of wire data; an odd last byte is left out.</summary>
    public static ushort[] Words(ReadOnlySpan<byte> data)
    {
        var words = new ushort[data.Length / 2];
        for (var k = 0; k < words.Length; k++)
            words[k] = Word(data[(2 * k)..]);
        return words;
    }

    /// <summary>Wire data of words.</summary>
    public static byte[] Bytes(ReadOnlySpan<ushort> words)
    {
        var bytes = new byte[words.Length * 2];
        for (var k = 0; k < words.Length; k++)
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2 * k), words[k]);
        return bytes;
    }

    private static int ReadBytes(ModbusRequest request) => request.Function <= ModbusFunction.ReadDiscreteInputs ? (request.Count + 7) / 8 : request.Count * 2;

    private static ushort Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
