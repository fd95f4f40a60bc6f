using System.Buffers;
using System.IO.Pipelines;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>A line in memory whose other end answers as a test says: bytes of each request in, bytes of the answer (null = none) out.</summary>
internal sealed class ScriptedLine(Func<byte[], byte[]?> answer) : IInstrumentLine
{
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly Lock _gate = new();

    public PipeReader Input => _pipe.Reader;

    /// <summary>All that was sent, request by request.</summary>
    public List<byte[]> Sent { get; } = [];

    public Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        lock (_gate)
            Sent.Add(bytes.ToArray());
        if (answer(bytes.ToArray()) is { } reply)
            Say(reply);
        return Task.CompletedTask;
    }

    /// <summary>The instrument says something unasked.</summary>
    public void Say(byte[] bytes)
    {
        lock (_gate)
        {
            _pipe.Writer.Write(bytes);
            _ = _pipe.Writer.FlushAsync().AsTask();
        }
    }

    public ValueTask DisposeAsync()
    {
        _pipe.Writer.Complete(new IOException("closed"));
        return ValueTask.CompletedTask;
    }

    /// <summary>What a session is made with on this line.</summary>
    public SessionSetup Setup(string protocol, object? settings = null, Action<Reading>? onReading = null, double speed = 20) => new(this,
        new ChannelConfig { Channel = "rigs/r/channels/1", Protocol = protocol, Settings = settings, Baud = InstrumentCatalogue.Drivers[protocol].Line!.Baud },
        onReading ?? (_ => { }), TimeProvider.System, speed);

    /// <summary>A session of a catalogue driver on this line.</summary>
    public async Task<T> ConnectAsync<T>(string protocol, object? settings = null, CancellationToken cancel = default) =>
        (T)await ((LineDriver)InstrumentCatalogue.Drivers[protocol]).ConnectAsync(Setup(protocol, settings), cancel);
}

/// <summary>A Modbus device of one unit: a bank of registers, with a hook on what is written.</summary>
internal sealed class RegisterBank(byte unit)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, ushort> _registers = [];

    /// <summary>Changes, or with null refuses to store, what is written to a register.</summary>
    public Func<int, ushort, ushort?> OnWrite { get; set; } = (_, word) => word;

    /// <summary>False: the device does not answer.</summary>
    public Func<ModbusRequest, bool> Answers { get; set; } = _ => true;

    /// <summary>Registers written, in order.</summary>
    public List<(int Register, ushort Word)> Written { get; } = [];

    public ushort this[int register]
    {
        get
        {
            lock (_gate)
                return _registers.GetValueOrDefault(register);
        }
        set
        {
            lock (_gate)
                _registers[register] = value;
        }
    }

    public byte[]? Answer(byte[] bytes)
    {
        if (!ModbusCodec.CrcValid(bytes) || ModbusCodec.Request(bytes) is not { } request || request.Unit != unit || !Answers(request))
            return null;
        if (request.IsRead)
            return ModbusCodec.WithCrc([unit, (byte)request.Function, (byte)(request.Count * 2), .. ModbusCodec.Bytes([.. Enumerable.Range(request.Address, request.Count).Select(r => this[r])])]);
        for (var k = 0; k < request.Words.Length; k++)
            Store(request.Address + k, request.Words[k]);
        return request.Function == ModbusFunction.WriteRegister ? bytes : ModbusCodec.WithCrc(bytes[..6]);
    }

    private void Store(int register, ushort word)
    {
        lock (_gate)
            Written.Add((register, word));
        if (OnWrite(register, word) is { } stored)
            this[register] = stored;
    }
}
