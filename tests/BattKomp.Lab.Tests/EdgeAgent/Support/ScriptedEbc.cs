using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Serial;
using EbcPhase = BattKomp.Lab.EdgeAgent.Instruments.Ebc.EbcPhase;
using EbcSettings = BattKomp.Lab.EdgeAgent.Instruments.Ebc.EbcSettings;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>A peer on a real pseudo-terminal that does what a test says, also what no good device would.</summary>
internal sealed class ScriptedEbc : IDisposable
{
    private readonly PseudoTerminal _line = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly List<byte> _commands = [];
    private EbcSettings _settings;
    private int _mode;

    public ScriptedEbc()
    {
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public string Path => _line.Path;

    public EbcPhase Phase { get; set; }

    /// <summary>Changes the set values that a start gives.</summary>
    public Func<EbcSettings, EbcSettings> Sets { get; set; } = s => s;

    public bool ObeysStop { get; set; } = true;

    public bool WrongSums { get; set; }

    public byte Model { get; set; } = 0x09;

    public double Volt { get; set; } = 3.7;

    public IReadOnlyList<byte> Commands
    {
        get
        {
            lock (_commands)
                return [.. _commands];
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _line.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        var waiting = new List<byte>();
        while (!_stop.IsCancellationRequested)
        {
            var (open, bytes) = _line.Receive(TimeSpan.FromMilliseconds(20), _stop.Token);
            waiting.AddRange(bytes);
            while (waiting.Count >= EbcCodec.CommandLength)
            {
                if (EbcCodec.TryDecodeHost([.. waiting[..EbcCodec.CommandLength]], out var host))
                    Obey(host);
                waiting.RemoveRange(0, EbcCodec.CommandLength);
            }
            if (open)
                _line.Send(Report());
        }
    }

    private void Obey(EbcHostFrame host)
    {
        lock (_commands)
            _commands.Add(host.Code);
        if (host.Command == EbcCommand.Stop && ObeysStop)
            Phase = EbcPhase.Idle;
        if (host.Command == EbcCommand.Start)
            (_mode, _settings, Phase) = ((int)host.Mode, Sets(host.Settings), EbcPhase.Active);
    }

    private byte[] Report()
    {
        var payload = new byte[16];
        payload[0] = (byte)(_mode + ((int)Phase * 10));
        EbcWire.Number(payload.AsSpan(1), Phase == EbcPhase.Active ? _settings.First : 0);
        EbcWire.Number(payload.AsSpan(3), (int)Math.Round(Volt * 1000));
        EbcWire.Number(payload.AsSpan(9), _settings.First);
        EbcWire.Number(payload.AsSpan(11), _settings.Second);
        EbcWire.Number(payload.AsSpan(13), _settings.Third);
        payload[15] = Model;
        var frame = EbcWire.Frame(payload);
        if (WrongSums)
            frame[^2] ^= 0x11;
        return frame;
    }
}
