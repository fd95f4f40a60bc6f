using System.Reflection;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Safety.Watchdog;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.EdgeAgent.Hosting;

/// <summary>
/// One running agent: journal, leases, channels, and the two lines to the server. Order matters at both ends: earlier streams are closed and leases read
/// before any instrument speaks, and instruments fall silent before the journal closes.
/// </summary>
public sealed partial class AgentHost : IControlPeer, IAsyncDisposable
{
    private const string KeyFile = "lease-key.der";
    private readonly AgentConfig _config;
    private readonly TimeProvider _machine;
    private readonly Action<string> _log;
    private readonly IJournalDisk _disk;
    private readonly FileStream _lock;
    private readonly AgentJournal _journal;
    private readonly StreamNames _names;
    private readonly StampClock _clock;
    private readonly StopLocks _locks;
    private readonly ServerLine _server;
    private readonly ControlLine _control;
    private readonly IngestUplink _uplink;
    private readonly IMqttPort? _mqtt;
    private readonly CancellationTokenSource _over = new();
    private readonly ChannelSet _channels;
    private readonly IncidentBook _incidents;
    private readonly WatchdogLink? _watchdog;

    /// <summary>Opens everything and closes the streams of earlier starts; nothing runs yet.</summary>
    /// <exception cref="IOException">The data folder is in use by another agent or cannot be written.</exception>
    /// <param name="config">The configuration.</param>
    /// <param name="machine">Machine time.</param>
    /// <param name="log">Tells the operator.</param>
    /// <param name="disks">Opens a folder; null = the real one. A seam for tests that cut the power or fill the disk.</param>
    /// <param name="lines">Opens a channel's byte line; null = the real one. A seam for tests that cut the power.</param>
    public AgentHost(AgentConfig config, TimeProvider machine, Action<string> log, Func<string, IJournalDisk>? disks = null, Func<ChannelConfig, IInstrumentLine>? lines = null)
    {
        (_config, _machine, _log) = (config, machine, log);
        disks ??= folder => new PhysicalDisk(folder);
        Directory.CreateDirectory(config.DataDir);
        _lock = Take(Path.Combine(config.DataDir, "agent.lock"));
        _disk = disks(config.DataDir);
        Boot = AgentBoot.Next(_disk, machine);
        _journal = AgentJournal.Open(disks(Path.Combine(config.DataDir, "journal")), config.Journal);
        _clock = new StampClock(machine, config.LabClock);
        _names = new StreamNames(config.Agent, Boot.Boot);
        _locks = new StopLocks(_disk);
        Leases = new LeaseBook(_disk, config.Agent, machine, new MachineUptime()) { Key = PinnedKey() };
        _server = new ServerLine(config.Server, new AgentIdentity(config.Agent, config.Token, config.KeyFile, config.EnrolmentToken), machine);
        _control = new ControlLine(_server.Invoker, this, machine, log);
        _uplink = new IngestUplink(_journal, _server.Invoker, config.Agent, Boot.Boot, machine, log, Boot.Order);
        _mqtt = config.HostBrokerPort is { } port ? new HostedBroker(port, log)
            : config.Broker is { } address ? new BrokerClient(address, config.Agent.Replace('/', '-'), machine, log)
            : null;
        _incidents = new IncidentBook(_locks, _disk, Path.Combine(config.DataDir, "incidents"), log);
        var context = new DriverContext(_journal, _names, _clock, machine, _locks, r => _control.Report(new AgentReport { Channel = r }), log)
        {
            Incidents = _incidents,
            Guard = channel => _watchdog?.Refusal(channel),
        };
        var services = new AgentServices(context, _mqtt, config.DataDir) { OpenLine = lines ?? InstrumentLines.Open };
        _channels = new ChannelSet(c => InstrumentCatalogue.Drivers[c.Protocol].Channel(c, services), log);
        foreach (var channel in config.Channels)
            _channels.Add(channel);
        _incidents.Opened += Tell;
        if (config.Watchdog is { } watchdog)
            _watchdog = new WatchdogLink(watchdog, config.DataDir, Boot.Boot, () => _channels.All.FirstOrDefault(c => c.Watch.Overdue)?.Channel, machine, log);
    }

    /// <summary>This start.</summary>
    public AgentBoot Boot { get; }

    /// <summary>Leases held.</summary>
    public LeaseBook Leases { get; }

    /// <summary>The journal.</summary>
    public AgentJournal Journal => _journal;

    /// <summary>Runs until cancelled, then closes the streams and gives the uplink a moment to deliver the rest.</summary>
    public async Task RunAsync(Action ready, CancellationToken cancel)
    {
        await CloseEarlierStreamsAsync();
        await ReportLossesAsync();
        foreach (var held in Leases.Held)
            Continue(held);
        using var lines = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        var uplink = _uplink.RunAsync(lines.Token);
        var control = _control.RunAsync(lines.Token);
        using var broker = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        var mqtt = _mqtt?.RunAsync(broker.Token) ?? Task.CompletedTask;
        if (_mqtt is not null)
            await await Task.WhenAny(_mqtt is HostedBroker ? _mqtt.Ready : Task.CompletedTask, mqtt);
        _channels.Start(cancel);
        var watching = SuperviseAsync(cancel);
        await using var page = _config.LocalPage is { } local ? new LocalPage.LocalPageServer(local, this, _config.DataDir, _log) : null;
        ready();
        await _channels.EndedAsync();
        await watching;
        await broker.CancelAsync();
        await mqtt.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await DrainAsync();
        await lines.CancelAsync();
        await Task.WhenAll(uplink, control).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public Hello Greet()
    {
        var hello = new Hello
        {
            Agent = _config.Agent,
            Boot = Boot.Boot,
            BootOrder = Boot.Order,
            SoftwareVersion = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "",
        };
        foreach (var channel in _channels.Configs)
        {
            hello.Channels.Add(channel.Channel);
            if (Check.UnattendedBound.Of(InstrumentCatalogue.Drivers[channel.Protocol], channel.Channel, _config.Watchdog).AttendedOnly)
                hello.AttendedOnly.Add(channel.Channel);
        }
        hello.HeldLeases.AddRange(Leases.Held.Select(l => l.Lease.Name));
        return hello;
    }

    /// <inheritdoc/>
    public IEnumerable<ChannelReport> ChannelStates() => _channels.All.Select(c => c.State.Clone());

    /// <inheritdoc/>
    public Heartbeat Beat() => new() { JournalUsedFraction = _journal.UsedFraction, JournalEntriesWaiting = _journal.Waiting };

    /// <inheritdoc/>
    public async Task PrepareAsync(CancellationToken cancel)
    {
        if (Leases.Key is not null)
            return;
        var key = await new AgentService.AgentServiceClient(_server.Invoker).GetLeaseKeyAsync(new GetLeaseKeyRequest(), cancellationToken: cancel);
        _disk.WriteAtomically(KeyFile, key.PublicKey.Span);
        Leases.Key = key.PublicKey.ToByteArray();
        _log($"the lease key {key.KeyId} is pinned in {KeyFile}");
    }

    /// <inheritdoc/>
    public void Take(AgentOrder order)
    {
        switch (order.OrderCase)
        {
            case AgentOrder.OrderOneofCase.Welcome:
                foreach (var incident in _incidents.Open)
                    _control.Report(new AgentReport { Incident = incident });
                break;
            case AgentOrder.OrderOneofCase.Lease: TakeLease(order.Lease); break;
            case AgentOrder.OrderOneofCase.EndLease:
                foreach (var channel in _channels.All)
                    channel.EndLease(order.EndLease.Lease, order.EndLease.Reason);
                Done(order, new OrderDone { Done = true });
                break;
            case AgentOrder.OrderOneofCase.Stop: _ = StopAsync(order); break;
            case AgentOrder.OrderOneofCase.Release:
                _incidents.Release(order.Release.Channel);
                Done(order, new OrderDone { Channel = order.Release.Channel, Done = true });
                break;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // What a RunAsync that was not waited for still holds (the lines to the server, the hosted broker) ends here too.
        await _over.CancelAsync();
        _watchdog?.Dispose();
        _journal.Dispose();
        _server.Dispose();
        _lock.Dispose();
    }

    private static FileStream Take(string lockFile)
    {
        try
        {
            return new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"Another agent uses this data_dir ({lockFile} is locked). Stop it, or give this one its own folder.", e);
        }
    }

    private byte[]? PinnedKey()
    {
        if (_config.LeaseKeyFile.Length > 0)
            return File.ReadAllBytes(_config.LeaseKeyFile);
        return _disk.ReadAll(KeyFile) is { Length: > 0 } key ? key : null;
    }

    private async Task CloseEarlierStreamsAsync()
    {
        var open = _journal.Query(s => s.OpenStreams.Select(t => t with { }).ToList());
        await Task.WhenAll(open.Where(t => t.Boot != Boot.Boot).Select(t =>
            _journal.Append(AgentJournal.Continue(t), new Entry { Closed = new StreamClosed { Reason = "agent_restart" } })));
    }

    // What the journal lost is told in a stream of every channel: nobody can say any more whose records they were.
    private async Task ReportLossesAsync()
    {
        foreach (var loss in _journal.Losses)
            _log($"journal: {loss.Segment}: {loss.Detail}");
        if (_journal.Losses.Count == 0)
            return;
        foreach (var channel in _channels.Configs)
        {
            var recorder = new ChannelRecorder(_journal, _names, _clock, new RecordedChannel(channel.Channel, channel.Protocol, channel.Simulated, [], []));
            recorder.Open("", "", "");
            foreach (var loss in _journal.Losses)
                _ = recorder.Event(StreamEvent.Types.Kind.Alarm, "journal_damaged", $"{loss.Segment}: {loss.Detail}");
            await recorder.CloseAsync("journal_damaged");
        }
    }

    private void TakeLease(SignedLease signed)
    {
        var (held, problem) = Leases.Take(signed);
        var name = held?.Lease.Name ?? NameOf(signed);
        if (held is not null)
            problem = GiveToChannels(held);
        if (problem.Length > 0)
            _log($"lease {name} is not taken: {problem}");
        _control.Report(new AgentReport { LeaseTaken = new LeaseTaken { Lease = name, Accepted = problem.Length == 0, Detail = problem } });
    }

    private static string NameOf(SignedLease signed)
    {
        try
        {
            return Lease.Parser.ParseFrom(signed.Lease).Name;
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            return "";
        }
    }

    // A lease from disk: one whose runs have all ended has done its work.
    private void Continue(HeldLease held)
    {
        if (_journal.Query(s => held.Lease.Channels.All(c => s.Run(c.Run) is { Ended: true })))
            Leases.Drop(held.Lease.Name);
        else if (GiveToChannels(held) is { Length: > 0 } problem)
            _log($"lease {held.Lease.Name} from disk is not taken: {problem}");
    }

    // All of a lease's channels or none.
    private string GiveToChannels(HeldLease held)
    {
        var problems = new List<string>();
        foreach (var part in held.Lease.Channels)
        {
            if (_channels.Find(part.Channel) is not { } channel)
                problems.Add($"{part.Channel}: this agent does not serve it");
            // What a simulator says in the name of a physical lab would be taken for a measurement there.
            else if (!part.Simulated && _channels.Configs.Any(own => own.Channel == part.Channel && own.Simulated))
                problems.Add($"{part.Channel}: is a simulator here, and its lab is physical; configure the instrument, or book a rig of a virtual lab");
            else if (channel.Take(held, part) is { } problem)
                problems.Add($"{part.Channel}: {problem}");
        }
        if (problems.Count > 0)
        {
            foreach (var part in held.Lease.Channels)
                if (_channels.Find(part.Channel) is { } channel)
                    channel.EndLease(held.Lease.Name, "another channel of the lease was refused");
            Leases.Drop(held.Lease.Name);
        }
        return string.Join("; ", problems);
    }

    private async Task StopAsync(AgentOrder order)
    {
        var stop = order.Stop;
        if (_channels.Find(stop.Channel) is not { } channel)
        {
            Done(order, new OrderDone { Channel = stop.Channel, Detail = "this agent does not serve the channel" });
            return;
        }
        try
        {
            if (stop.Lock)
                _locks.Lock(stop.Channel, stop.Reason);
        }
        catch (IOException e)
        {
            _log($"the lock of {stop.Channel} could not be kept on disk: {e.Message}");
        }
        Done(order, await channel.StopAsync(stop.Mode, stop.Reason));
    }

    private void Done(AgentOrder order, OrderDone done)
    {
        done.OrderId = order.OrderId;
        _control.Report(new AgentReport { OrderDone = done });
    }

    // The journal keeps what the server has not taken; this only saves the next start from sending it.
    private async Task DrainAsync()
    {
        var started = _machine.GetTimestamp();
        while (_uplink.Connected && _journal.AckCursor.CompareTo(_journal.End) < 0 && _machine.GetElapsedTime(started) < TimeSpan.FromSeconds(5))
            await Task.Delay(TimeSpan.FromMilliseconds(20), _machine);
    }
}
