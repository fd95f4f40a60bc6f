using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>The account of what happened on the channels: makes runs, moves them, finds them.</summary>
public sealed class RunRegister(CalendarDatabase database, Catalogue.Catalogue catalogue, BookingCalendar bookings, MachineClock clock, ILogger<RunRegister> log)
{
    private const string ActiveStates = "state IN ('READY', 'RUNNING_NOW')";
    private readonly Pulse _changed = new();

    /// <summary>Completes when a run was moved by this server.</summary>
    public Task Changed => _changed.Next;

    /// <summary>The run, whoever asks; null when it does not exist. For the server's own decisions.</summary>
    public Task<RunRow?> FindAsync(string name, CancellationToken cancel) => database.ReadAsync(tx => RunStore.FindAsync(tx, name, cancel), cancel);

    /// <summary>Runs of a booking, in the order they were made.</summary>
    public Task<List<RunRow>> OfBookingAsync(string booking, CancellationToken cancel) => database.ReadAsync(tx => RunStore.WhereAsync(tx, "booking = @v", booking, cancel), cancel);

    /// <summary>Runs of a cell test, in the order they were made.</summary>
    public Task<List<RunRow>> OfCellTestAsync(string cellTest, CancellationToken cancel) => database.ReadAsync(tx => RunStore.WhereAsync(tx, "cell_test = @v", cellTest, cancel), cancel);

    /// <summary>Starts of the holder's runs after <paramref name="sinceUs"/>, in order, each with its channel.</summary>
    public static Task<List<(string Channel, long StartUs)>> UsesAsync(CalendarTransaction tx, string holder, long sinceUs, CancellationToken cancel) =>
        tx.QueryAsync("SELECT channel, start_us FROM runs WHERE holder = @h AND start_us > @s ORDER BY start_us", r => (r.GetString(0), r.GetInt64(1)), cancel, ("h", holder), ("s", sinceUs));

    /// <summary>Every unfinished run in one stage.</summary>
    public Task<List<RunRow>> InStageAsync(RunStage stage, CancellationToken cancel) => database.ReadAsync(tx => RunStore.InStageAsync(tx, stage, cancel), cancel);

    /// <summary>runs/… that are ready or running on a rig's channels.</summary>
    public static async Task<IReadOnlyList<string>> ActiveOnRigAsync(CalendarTransaction tx, string rig, CancellationToken cancel) =>
        [.. (await RunStore.WhereAsync(tx, $"rig = @v AND {ActiveStates}", rig, cancel)).Select(r => r.Name)];

    /// <summary>The newest run that is ready or running on a channel; null when there is none.</summary>
    public static async Task<RunRow?> ActiveOnChannelAsync(CalendarTransaction tx, string channel, CancellationToken cancel) =>
        (await RunStore.WhereAsync(tx, $"channel = @v AND {ActiveStates}", channel, cancel)).LastOrDefault();

    /// <summary>True when the run exists and is one of the channel.</summary>
    public static async Task<bool> IsOfChannelAsync(CalendarTransaction tx, string run, string channel, CancellationToken cancel) =>
        run.Length > 0 && await RunStore.FindAsync(tx, run, cancel) is { } found && found.Channel == channel;

    /// <summary>A fresh name; names ascend in time.</summary>
    public static string NewName() => "runs/" + Guid.CreateVersion7().ToString("N");

    /// <summary>Stores a new run.</summary>
    public static Task AddAsync(CalendarTransaction tx, RunRow run, CancellationToken cancel) => RunStore.InsertAsync(tx, run, cancel);

    /// <summary>Moves a run if the state machine allows it; null, and nothing changed, when the transition is refused.</summary>
    public async Task<RunRow?> MoveAsync(CalendarTransaction tx, string name, RunEvent happened, Func<RunRow, RunRow> change, CancellationToken cancel)
    {
        if (await RunStore.FindAsync(tx, name, cancel) is not { } run) return null;
        if (RunLifecycle.Next(run.Stage, happened) is not { } next) return null;
        var now = Micros.FromInstant(clock.Now);
        var moved = change(run with { Stage = next });
        if (next is RunStage.Running or RunStage.Ended && moved.StartUs is null)
            moved = await CalibratedAsync(moved with { StartUs = now }, cancel);
        if (next is RunStage.Running) moved = moved with { EndReason = "", EndUs = null };
        if (next is RunStage.Ended or RunStage.Missed && moved.EndUs is null) moved = moved with { EndUs = now };
        if (!await RunStore.UpdateAsync(tx, moved, run.Stage, cancel)) return null;
        if (run.Stage is RunStage.Ready or RunStage.Missed && next is not RunStage.Missed) await BookingRunsAsync(tx, run.Booking, cancel);
        return moved;
    }

    /// <summary>The runs of a booking are its successor's.</summary>
    internal Task FollowAsync(CalendarTransaction tx, string booking, string successor, CancellationToken cancel) =>
        tx.ExecuteAsync("UPDATE runs SET booking = @s WHERE booking = @b", cancel, ("s", successor), ("b", booking));

    /// <summary>True when something was run under the booking.</summary>
    internal async Task<bool> AnyStartedAsync(CalendarTransaction tx, string booking, CancellationToken cancel) =>
        (await RunStore.WhereAsync(tx, "booking = @v", booking, cancel)).Any(r => r.Stage is not (RunStage.Ready or RunStage.Missed));

    /// <summary>Tells watchers that a move was committed.</summary>
    public void NoteChanged() => _changed.Beat();

    /// <summary>Every run of the lease that never started has missed.</summary>
    public async Task MissAsync(CalendarTransaction tx, string lease, string reason, CancellationToken cancel)
    {
        foreach (var run in await RunStore.WhereAsync(tx, "lease = @v AND state = 'READY'", lease, cancel))
            await MoveAsync(tx, run.Name, RunEvent.LeaseOver, r => r with { EndReason = reason }, cancel);
        NoteChanged();
    }

    /// <summary>What an agent says of one of its channels. A report about another's run, or one that comes too late, changes nothing.</summary>
    internal async Task ReportedAsync(string agent, ChannelReport report, CancellationToken cancel)
    {
        if (report.AttendedOnly) await AttendedAsync(agent, report.Channel, cancel);
        if (report.Run.Length == 0) return;
        var position = report.Detail.Length <= 500 ? report.Detail : report.Detail[..500];
        await database.WriteAsync(async tx =>
        {
            var run = await RunStore.FindAsync(tx, report.Run, cancel);
            if (run is null || run.Agent != agent || run.Channel != report.Channel)
            {
                log.LogWarning("{Agent} reports {State} for {Run} on {Channel}, which is not a run of that agent and channel.", agent, report.State, report.Run, report.Channel);
                return;
            }
            RunEvent? happened = report.State switch
            {
                ChannelReport.Types.State.Energised => RunEvent.Started,
                ChannelReport.Types.State.Ended or ChannelReport.Types.State.Fault => RunEvent.Ended,
                _ => null,
            };
            var reason = report.EndReason.Length > 0 ? report.EndReason : report.State is ChannelReport.Types.State.Fault ? "fault" : "finished";
            RunRow Change(RunRow r) => happened is RunEvent.Ended ? r with { Position = position, EndReason = reason } : r with { Position = position };
            var moved = happened is { } e ? await MoveAsync(tx, run.Name, e, Change, cancel) : null;
            if (moved is null && run.Stage is RunStage.Running) await RunStore.UpdateAsync(tx, run with { Position = position }, run.Stage, cancel);
        }, cancel);
        NoteChanged();
    }

    /// <summary>The agent has stopped the run's channel.</summary>
    internal async Task StoppedAsync(string run, CancellationToken cancel)
    {
        await database.WriteAsync(tx => MoveAsync(tx, run, RunEvent.Ended, r => r with { EndReason = "stopped" }, cancel), cancel);
        NoteChanged();
    }

    private async Task AttendedAsync(string agent, string channel, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        if (snapshot.Channel(channel)?.Agent != agent || snapshot.RigOfChannel(channel) is not { AttendedOnly: false } rig) return;
        if (await database.WriteAsync(tx => Catalogue.Catalogue.MarkAttendedAsync(tx, rig.Name, cancel), cancel))
            log.LogWarning("{Rig} must be attended from now on: {Agent} says that {Channel} has no guard.", rig.Name, agent, channel);
        catalogue.Forget();
    }

    // A booking that is over or cancelled stays so, whatever still happens on its channel.
    private async Task BookingRunsAsync(CalendarTransaction tx, string booking, CancellationToken cancel)
    {
        if (booking.Length == 0) return;
        if (await bookings.FindAsync(tx, booking, cancel) is { State: Domain.Bookings.BookingState.Confirmed }) await bookings.MarkRunningAsync(tx, booking, cancel);
    }

    /// <summary>The run with the calibrations in force today, and flagged when one is overdue.</summary>
    internal async Task<RunRow> CalibratedAsync(RunRow run, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var today = clock.Now.InUtc().Date;
        return run with
        {
            Calibrations = Calibrations.InForce(snapshot, run.Channel, today),
            Flags = Calibrations.Overdue(snapshot, run.Channel, today) ? [.. run.Flags.Union([StreamFlags.CalibrationOverdue])] : run.Flags,
        };
    }
}
