using System.Buffers.Binary;

namespace BattKomp.Lab.Simulators.Instruments.Modbus;

/// <summary>Modbus RTU frames. Written apart from the agent's codec, so that the two check each other.</summary>
public static class ModbusWire
{
    /// <summary>The CRC-16 of Modbus; sent low byte first.</summary>
    public static ushort Crc(ReadOnlySpan<byte> bytes)
    {
        ushort crc = 0xFFFF;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++) crc = (crc & 1) != 0 ? (ushort)(crc >> 1 ^ 0xA001) : (ushort)(crc >> 1);
        }
        return crc;
    }

    /// <summary>Appends the CRC.</summary>
    public static byte[] Seal(params ReadOnlySpan<byte> body)
    {
        byte[] frame = [.. body, 0, 0];
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(body.Length), Crc(body));
        return frame;
    }

    /// <summary>The same frame from another unit, CRC right.</summary>
    public static byte[] FromUnit(byte[] frame, int? unit)
    {
        var body = frame[..^2];
        body[0] = (byte)(unit ?? body[0] + 1);
        return Seal(body);
    }
}

/// <summary>The registers of a device.</summary>
public interface IModbusRegisters
{
    /// <summary>The value of a register; null = no such register.</summary>
    ushort? Read(int address);

    /// <summary>Writes registers, all or none; 0 = done, else the exception code (2 no such register, 3 not such a value).</summary>
    byte Write(int address, ReadOnlySpan<ushort> values);
}

/// <summary>
/// Answers Modbus RTU requests: functions 03 and 04 (read), 06 and 10 (write), 08 (echo). Others' units and spoiled requests
/// are not answered; a request torn by the line is skipped as soon as a whole one follows.
/// </summary>
public sealed class ModbusSlave(byte unit, IModbusRegisters registers)
{
    private const int LongestRequest = 256;
    private const int MostRegisters = 125;
    private readonly List<byte> _held = [];

    /// <summary>Requests answered without an exception.</summary>
    public long Accepted { get; private set; }

    /// <summary>Requests answered by an exception.</summary>
    public long Refused { get; private set; }

    /// <summary>Takes bytes as they come; gives the answers.</summary>
    public IReadOnlyList<byte[]> Take(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) _held.Add(b);
        var replies = new List<byte[]>();
        for (var at = 0; at < _held.Count;)
        {
            var length = LengthAt(at);
            if (length is null || length > _held.Count - at || !Whole(at, length.Value))
            {
                at++;
                continue;
            }
            if (Answer(_held.GetRange(at, length.Value).ToArray()) is { } reply) replies.Add(reply);
            _held.RemoveRange(0, at + length.Value);
            at = 0;
        }
        if (_held.Count > LongestRequest) _held.RemoveRange(0, _held.Count - LongestRequest);
        return replies;
    }

    /// <summary>Forgets a request that was begun.</summary>
    public void Clear() => _held.Clear();

    // Unknown functions are taken to be of the common length, so that they get their exception.
    private int? LengthAt(int at)
    {
        if (_held.Count - at < 2) return null;
        if (_held[at + 1] != 0x10) return 8;
        return _held.Count - at < 7 ? null : 9 + _held[at + 6];
    }

    private bool Whole(int at, int length)
    {
        var frame = _held.GetRange(at, length).ToArray();
        return ModbusWire.Crc(frame.AsSpan(0, length - 2)) == BinaryPrimitives.ReadUInt16LittleEndian(frame.AsSpan(length - 2));
    }

    private byte[]? Answer(byte[] request)
    {
        if (request[0] != unit) return null;
        var body = request.AsSpan(0, request.Length - 2);
        var (address, number) = (BinaryPrimitives.ReadUInt16BigEndian(body[2..]), BinaryPrimitives.ReadUInt16BigEndian(body[4..]));
        return request[1] switch
        {
            0x03 or 0x04 => Reading(request[1], address, number),
            0x06 => Written(request[1], registers.Write(address, [number]), body),
            0x08 => Written(request[1], 0, body),
            0x10 when body.Length == 7 + 2 * number && number is > 0 and <= MostRegisters => Written(request[1], registers.Write(address, Words(body[7..])), body[..6]),
            0x10 => Exception(request[1], 3),
            _ => Exception(request[1], 1),
        };
    }

    private byte[] Reading(byte function, int address, int count)
    {
        if (count is 0 or > MostRegisters) return Exception(function, 3);
        var body = new byte[3 + 2 * count];
        (body[0], body[1], body[2]) = (unit, function, (byte)(2 * count));
        for (var i = 0; i < count; i++)
        {
            if (registers.Read(address + i) is not { } value) return Exception(function, 2);
            BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(3 + 2 * i), value);
        }
        Accepted++;
        return ModbusWire.Seal(body);
    }

    private byte[] Written(byte function, byte exception, ReadOnlySpan<byte> echo)
    {
        if (exception != 0) return Exception(function, exception);
        Accepted++;
        return ModbusWire.Seal(echo);
    }

    private byte[] Exception(byte function, byte code)
    {
        Refused++;
        return ModbusWire.Seal(unit, (byte)(function | 0x80), code);
    }

    private static ushort[] Words(ReadOnlySpan<byte> bytes)
    {
        var words = new ushort[bytes.Length / 2];
        for (var i = 0; i < words.Length; i++) words[i] = BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * i)..]);
        return words;
    }
}
