using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.V1;
using ReportState = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>
/// A channel whose tester is run by its vendor's program: the program's export files are read as they grow, each row once. The agent looks and records; it
/// starts and stops nothing.
/// </summary>
public sealed class FolderChannel : ChannelDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Protocol = "folder";

    private readonly FolderSettings _settings;
    private readonly TailParts _parts;
    private readonly FolderFiles _files;
    private readonly ChannelRecorder _events;
    private volatile string? _haltCause;
    private volatile ChannelRecorder? _judged;
    private long _awaySinceNs;
    private string _told = "";

    /// <summary>Nothing is opened before it runs.</summary>
    public FolderChannel(string channel, bool simulated, FolderSettings settings, DeadLetters deadLetters, DriverContext context)
        : base(channel, context)
    {
        _settings = settings;
        _parts = new TailParts(channel, simulated, settings, context, deadLetters) { OnRow = Judge };
        _files = new FolderFiles(_parts);
        _events = new ChannelRecorder(context.Journal, context.Names, context.Clock, new RecordedChannel(channel, Protocol, simulated, [], []));
    }

    /// <inheritdoc/>
    public override async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            if (!await LookAsync())
                await Task.Delay(_settings.Poll, Context.Machine, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await _files.CloseAsync("agent_stopped");
    }

    /// <summary>One look at the folder: reads a piece of every file that has more. True when something is left to read.</summary>
    public async Task<bool> LookAsync()
    {
        try
        {
            Context.Clock.LookForStep();
            var lease = await GoverningAsync();
            Watch.UseLease(lease?.Part.Alarms ?? []);
            if (Context.Journal.IsCongested || Context.Journal.Stall is not null)
                return false;
            var files = FolderFile.Scan(_settings);
            await BackAsync();
            await _files.MatchAsync(files);
            var more = await _files.ReadAsync(lease);
            Told(lease);
            return more;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            if (_awaySinceNs == 0)
                _awaySinceNs = Context.Clock.LabNowNs;
            TellOnce(ReportState.Fault, "", $"{_settings.Path} cannot be read: {e.Message}");
            return false;
        }
    }

    /// <inheritdoc/>
    protected override ChannelRecorder? Stream => _judged;

    // Files of one folder may have different columns: a change of them begins the alarms' windows anew.
    private void Judge(ChannelRecorder recorder, IReadOnlyList<string> signals, RecordRow row)
    {
        _judged = recorder;
        if (!Watch.Signals.SequenceEqual(signals))
            Watch.Signals = signals;
        TakeAlarms(Watch.Judge(row));
    }

    /// <inheritdoc/>
    public override Task<OrderDone> StopAsync(StopMode mode, string reason)
    {
        Halt($"stopped: {reason}");
        return Task.FromResult(new OrderDone { Channel = Channel, Detail = "the agent only reads this tester's files; stop it in its vendor's program" });
    }

    /// <inheritdoc/>
    protected override string? Refuse(LeasedChannel part) =>
        part.Control is ControlClass.Full or ControlClass.StartStop ? "this tester is run by its vendor's program: control is monitor" : null;

    /// <inheritdoc/>
    protected override void Halt(string cause) => _haltCause ??= cause;

    // The lease that rows belong to now; ends the run whose time is over.
    private async Task<ChannelLease?> GoverningAsync()
    {
        if (Lease is not { } lease)
        {
            _haltCause = null;
            return null;
        }
        var track = Context.Journal.Query(s => s.Run(lease.Part.Run) is { } t ? t with { } : null);
        if (lease.Held.Verdict.MustStop)
            Halt("lease_over: the lease's window has ended");
        else if (Context.Locks.Reason(Channel) is { } locked)
            Halt($"stopped: {locked}");
        if (track is not { Ended: true } && _haltCause is null)
            return lease.Held.Verdict.MayEnergise ? lease : null;
        var end = track is { Ended: true } ? track.EndReason : _haltCause!;
        await EndRunAsync(lease, track, end);
        return null;
    }

    private async Task EndRunAsync(ChannelLease lease, RunTrack? track, string end)
    {
        var cause = end.Split(':')[0];
        await _files.CloseRunAsync(lease.Part.Run, cause);
        if (track is { Ended: false })
        {
            _events.Open(lease.Held.Lease.Name, lease.Part.Run, _settings.Path);
            await Task.WhenAll(_events.Event(StreamEvent.Types.Kind.Stopped, cause, end), _events.CloseAsync(cause));
        }
        DropLease(lease);
        Tell(ReportState.Ended, lease.Part.Run, end, cause);
        (_haltCause, _told) = (null, "");
    }

    private async Task BackAsync()
    {
        if (_awaySinceNs == 0)
            return;
        // The rows are in the files and come late; that they come late is what the record says.
        _events.Open("", "", _settings.Path);
        await Task.WhenAll(
            _events.Event(StreamEvent.Types.Kind.Outage, "folder_unreachable", $"{_settings.Path} could not be read", _awaySinceNs, Context.Clock.LabNowNs),
            _events.CloseAsync("folder_unreachable"));
        _awaySinceNs = 0;
    }

    private void Told(ChannelLease? lease)
    {
        if (_files.Problem is { } problem)
            TellOnce(ReportState.Fault, "", problem);
        else if (lease is not null)
            TellOnce(ReportState.Energised, lease.Part.Run, $"{_settings.Path} is read");
        else
            TellOnce(ReportState.Idle, "", $"{_settings.Path} is read");
    }

    private void TellOnce(ReportState state, string run, string detail)
    {
        var told = $"{state}|{run}|{detail}";
        if (told == _told)
            return;
        _told = told;
        Tell(state, run, detail);
    }
}
