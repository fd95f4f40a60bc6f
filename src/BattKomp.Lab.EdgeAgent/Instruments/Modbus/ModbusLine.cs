using System.Buffers;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.Modbus;

/// <summary>A device's refusal of a request.</summary>
public sealed class ModbusRefusedException(ModbusRequest request, byte code)
    : IOException($"Modbus unit {request.Unit} refuses function {(byte)request.Function:X2} at {request.Address:X4}: {Reason(code)}")
{
    /// <summary>Exception code as on the wire.</summary>
    public byte Code { get; } = code;

    /// <summary>The code in words.</summary>
    public static string Reason(byte code) => code switch
    {
        1 => "1, illegal function",
        2 => "2, illegal data address",
        3 => "3, illegal data value",
        4 => "4, device failure",
        5 => "5, acknowledged, still working",
        6 => "6, device busy",
        8 => "8, memory parity error",
        10 => "10, gateway has no path",
        11 => "11, gateway target does not answer",
        _ => $"{code}",
    };
}

/// <summary>Modbus RTU questions over one line, serial or raw TCP; one unit. See README.md for what it promises after a time-out.</summary>
public sealed class ModbusLine(IInstrumentLine line, byte unit, RequestTiming timing, TimeProvider machine) : IAsyncDisposable
{
    private readonly RequestLine _asks = new(line, timing, machine);

    /// <summary>Unit that is asked.</summary>
    public byte Unit => unit;

    /// <summary>Bytes that answered nothing.</summary>
    public long Dropped => _asks.Dropped;

    /// <summary>The pause that separates RTU frames at a speed: 3.5 characters of 11 bits, 1.75 ms from 19 200 bit/s.</summary>
    public static TimeSpan Silence(int baud) => TimeSpan.FromSeconds(baud > 19200 ? 0.00175 : 3.5 * 11 / Math.Max(1, baud));

    /// <summary>Reads holding registers.</summary>
    /// <exception cref="ModbusRefusedException">The device refuses.</exception>
    /// <exception cref="NoReplyException">No answer.</exception>
    public async Task<ushort[]> ReadAsync(int address, int count, CancellationToken cancel) =>
        (await AskAsync(ModbusRequest.Read(unit, address, count), cancel)).Words;

    /// <summary>Writes one register; its echo is checked.</summary>
    /// <exception cref="ModbusRefusedException">The device refuses.</exception>
    /// <exception cref="NoReplyException">No answer.</exception>
    public Task WriteAsync(int address, int word, CancellationToken cancel) => AskAsync(ModbusRequest.Write(unit, address, word), cancel);

    /// <summary>Writes registers; address and count of the acknowledgement are checked.</summary>
    /// <exception cref="ModbusRefusedException">The device refuses.</exception>
    /// <exception cref="NoReplyException">No answer.</exception>
    public Task WriteAsync(int address, ushort[] words, CancellationToken cancel) => AskAsync(ModbusRequest.Write(unit, address, words), cancel);

    /// <summary>Asks anything.</summary>
    /// <exception cref="ModbusRefusedException">The device refuses.</exception>
    /// <exception cref="NoReplyException">No answer.</exception>
    public async Task<ModbusReply> AskAsync(ModbusRequest request, CancellationToken cancel)
    {
        bool Take(ref ReadOnlySequence<byte> input, out ModbusReply reply) => ModbusCodec.TryTakeReply(ref input, request, out reply);
        var reply = await _asks.AskAsync<ModbusReply>(ModbusCodec.Encode(request), Take, $"Modbus function {(byte)request.Function:X2} at {request.Address:X4}, unit {unit}", cancel);
        return reply.Exception == 0 ? reply : throw new ModbusRefusedException(request, reply.Exception);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _asks.DisposeAsync();
}
