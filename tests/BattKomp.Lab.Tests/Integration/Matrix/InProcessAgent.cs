using System.IO.Pipelines;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Journal;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>
/// An agent in this process, so that its disk and its clock are the test's: the power can be cut, the disk filled, the wall clock stepped. Everything else
/// about it (lines, broker, server) is real.
/// </summary>
internal sealed class InProcessAgent(ShiftedTime time, Action<string> log)
{
    private readonly Dictionary<string, FaultyDisk> _disks = [];
    private readonly List<CuttableLine> _lines = [];
    private Start? _start;

    /// <summary>The journal's disk.</summary>
    public FaultyDisk JournalDisk => _disks.Single(d => d.Key.EndsWith("journal", StringComparison.Ordinal)).Value;

    /// <summary>Starts the agent on what its disks hold; what is returned stops it in order.</summary>
    public Task<IAsyncDisposable> RunAsync(string config)
    {
        _start = new Start(new AgentHost(AgentConfigReader.Load(config), time, log, Disk, Line));
        return Task.FromResult<IAsyncDisposable>(_start);
    }

    /// <summary>The power goes: nothing more reaches a disk, nothing more is said; what was not flushed is lost as the seed will have it.</summary>
    public async Task CutPowerAsync(int seed)
    {
        foreach (var disk in _disks.Values)
            disk.CutAfter(0);
        lock (_lines)
            _lines.ForEach(l => l.Cut());
        await _start!.AbandonAsync();
        var random = new Random(seed);
        foreach (var disk in _disks.Values)
            disk.PowerUp(random);
    }

    /// <summary>Bytes that the journal's disk may hold from now on; <see cref="long.MaxValue"/> = as many as there are.</summary>
    public void LimitDisk(long capacity)
    {
        foreach (var disk in _disks.Values)
            disk.Capacity = capacity;
    }

    private CuttableLine Line(ChannelConfig config)
    {
        var line = new CuttableLine(InstrumentLines.Open(config));
        lock (_lines)
            _lines.Add(line);
        return line;
    }

    private IJournalDisk Disk(string folder)
    {
        lock (_disks)
            return _disks.TryGetValue(folder, out var disk) ? disk : _disks[folder] = new FaultyDisk();
    }

    private sealed class Start : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly AgentHost _host;
        private readonly Task _running;
        private bool _over;

        public Start(AgentHost host)
        {
            _host = host;
            _running = Task.Run(() => host.RunAsync(() => { }, _stop.Token), TestContext.Current.CancellationToken);
        }

        // Not waited for: a machine without power finishes nothing.
        public async Task AbandonAsync()
        {
            _over = true;
            await _stop.CancelAsync();
            await _host.DisposeAsync();
        }

        public async ValueTask DisposeAsync()
        {
            if (_over)
                return;
            _over = true;
            await _stop.CancelAsync();
            await _running.WaitAsync(TimeSpan.FromSeconds(30));
            await _host.DisposeAsync();
            _stop.Dispose();
        }
    }

    // Without power nothing is ordered any more, not even a stop.
    private sealed class CuttableLine(IInstrumentLine line) : IInstrumentLine
    {
        private volatile bool _cut;

        public PipeReader Input => line.Input;

        public void Cut() => _cut = true;

        public Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => _cut ? Task.FromException(new IOException("no power")) : line.SendAsync(bytes, cancel);

        public ValueTask DisposeAsync() => line.DisposeAsync();
    }
}
