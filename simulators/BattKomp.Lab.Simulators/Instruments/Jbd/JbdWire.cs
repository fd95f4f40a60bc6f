using System.Buffers.Binary;

namespace BattKomp.Lab.Simulators.Instruments.Jbd;

/// <summary>
/// The device's side of the JBD wire format: <c>DD A5 reg len … ck ck 77</c> reads, <c>DD 5A</c> writes, <c>DD reg status len … ck ck 77</c>
/// answers; the checksum is 0x10000 less the sum, big-endian. Written apart from the agent's codec, so that the two check each other.
/// </summary>
public static class JbdWire
{
    /// <summary>First byte of every frame.</summary>
    public const byte Start = 0xDD;

    /// <summary>Last byte of every frame.</summary>
    public const byte End = 0x77;

    /// <summary>Marks a reading request.</summary>
    public const byte Reading = 0xA5;

    /// <summary>Marks a writing request.</summary>
    public const byte Writing = 0x5A;

    /// <summary>The checksum over register or status, length and data.</summary>
    public static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0;
        foreach (var b in bytes) sum += b;
        return (ushort)(0x10000 - sum);
    }

    /// <summary>An answer.</summary>
    public static byte[] Reply(byte register, byte status, ReadOnlySpan<byte> data) => Frame(register, [status, (byte)data.Length, .. data]);

    /// <summary>A request, for tests and tools that play the host.</summary>
    public static byte[] Request(byte kind, byte register, params byte[] data) => Frame(kind, [register, (byte)data.Length, .. data]);

    private static byte[] Frame(byte second, ReadOnlySpan<byte> summed)
    {
        byte[] frame = [Start, second, .. summed, 0, 0, End];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(frame.Length - 3), Checksum(summed));
        return frame;
    }
}

/// <summary>One request from the host.</summary>
/// <param name="Write">Whether it writes.</param>
/// <param name="Register">The register.</param>
/// <param name="Data">What is written; empty for a reading.</param>
public readonly record struct JbdRequest(bool Write, byte Register, byte[] Data);

/// <summary>Collects bytes from the host into whole requests; skips what is not one.</summary>
public sealed class JbdRequestReader
{
    private const int Overhead = 7;
    private const int LongestData = 64;
    private readonly List<byte> _held = [];

    /// <summary>Bytes that belonged to no valid request.</summary>
    public long Skipped { get; private set; }

    /// <summary>Takes bytes as they come.</summary>
    public IReadOnlyList<JbdRequest> Take(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) _held.Add(b);
        var (found, at) = (new List<JbdRequest>(), 0);
        while (at < _held.Count)
        {
            var length = LengthAt(at);
            if (length > _held.Count - at) break;
            if (length > 0 && RequestAt(at, length) is { } request)
            {
                found.Add(request);
                at += length;
                continue;
            }
            at++;
            Skipped++;
        }
        _held.RemoveRange(0, at);
        return found;
    }

    // 0 = no request begins here. A header that is not whole yet counts as one that needs more.
    private int LengthAt(int at)
    {
        if (_held[at] != JbdWire.Start) return 0;
        if (_held.Count - at < 4) return Overhead;
        return _held[at + 1] is JbdWire.Reading or JbdWire.Writing && _held[at + 3] <= LongestData ? Overhead + _held[at + 3] : 0;
    }

    private JbdRequest? RequestAt(int at, int length)
    {
        var frame = _held.GetRange(at, length).ToArray();
        var right = frame[^1] == JbdWire.End && BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(length - 3)) == JbdWire.Checksum(frame.AsSpan(2, length - 5));
        return right ? new JbdRequest(frame[1] == JbdWire.Writing, frame[2], frame[4..^3]) : null;
    }
}
