using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Agents;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Procedures;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using NodaTime;
using BookingState = BattKomp.Lab.Domain.Bookings.BookingState;
using Channel = BattKomp.Lab.V1.Channel;

namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>
/// Issues leases for confirmed bookings that are about to start or have started: one a booking and agent, and a run for every
/// channel, all in one transaction. What stands against a lease is kept as the booking's reason, and tried again.
/// </summary>
public sealed class LeaseIssue(
    CalendarDatabase database, BookingCalendar bookings, BookingAtStart atStart, Leases leases, Procedures.Procedures procedures, CellTests.CellTests cellTests, Catalogue.Catalogue catalogue, Orders orders,
    LabOptions options, MachineClock clock, ILogger<LeaseIssue> log) : ISweep
{
    /// <inheritdoc/>
    public string Name => "lease-issue";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var due = await bookings.DueForLeaseAsync(clock.Now + Duration.FromSeconds(options.Runs.LeaseLeadSeconds), cancel);
        var given = false;
        await due.EachAsync(async booking =>
        {
            if (!await leases.HasAnyAsync(booking.Name, cancel)) given |= await IssueAsync(booking, cancel);
        }, booking => booking.Name, log, cancel);
        if (given) orders.Wake();
    }

    private async Task<bool> IssueAsync(StoredBooking booking, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var procedure = booking.Message.Procedure.Length > 0 ? await procedures.FindAsync(booking.Message.Procedure, cancel) : null;
        var test = booking.Message.CellTest.Length > 0 ? await cellTests.FindAsync(booking.Message.CellTest, cancel) : null;
        var against = await atStart.RefusalsAsync(booking, test?.TestObject ?? "", cancel);
        return await database.WriteAsync(async tx =>
        {
            if (await bookings.FindAsync(tx, booking.Name, cancel) is not { State: BookingState.Confirmed }) return false;
            var reasons = against.Select(a => a.Text).ToList();
            foreach (var channel in booking.Message.Channels) reasons.AddRange(LeaseContent.Refusals(await FactsAsync(tx, channel, booking, procedure, snapshot, cancel)));
            if (reasons.Count > 0)
            {
                await bookings.NoteReasonAsync(tx, booking.Name, Whose(against, reasons) + string.Join("; ", reasons.Distinct()), cancel);
                return false;
            }
            var channels = booking.Message.Channels.Select(c => snapshot.Channel(c)!).ToList();
            var given = false;
            foreach (var group in channels.GroupBy(c => c.Agent).OrderBy(g => g.Key, StringComparer.Ordinal))
                given |= await GiveAsync(tx, booking, group.Key, group, procedure, test, snapshot, cancel);
            return given;
        }, cancel);
    }

    // What the holder alone stands in the way of is no fault of the lab's: such a booking may be given up like one to which nobody came.
    private static string Whose(IReadOnlyList<RefusalAtStart> against, IReadOnlyList<string> reasons) =>
        against.All(a => a.OfHolder) && reasons.Count == against.Count ? ILeasesOfBookings.HolderGetsNone : "no lease: ";

    private async Task<bool> GiveAsync(
        CalendarTransaction tx, StoredBooking booking, string agent, IEnumerable<Channel> channels, Procedure? procedure, CellTest? test, CatalogueSnapshot snapshot,
        CancellationToken cancel)
    {
        var lease = new Lease
        {
            Name = "leases/" + Guid.CreateVersion7().ToString("N"),
            Agent = agent,
            Booking = booking.Name,
            Window = booking.Message.Window,
            BufferSeconds = options.Runs.LeaseBufferSeconds,
        };
        var runs = channels.Select(c => RunOf(c, lease.Name, booking, procedure, snapshot)).ToList();
        lease.Channels.AddRange(runs.Select(r => Leased(r, procedure, test, snapshot)));
        if (!await leases.TryGiveAsync(tx, lease, cancel)) return false;
        foreach (var run in runs) await RunRegister.AddAsync(tx, run, cancel);
        return true;
    }

    private RunRow RunOf(Channel channel, string lease, StoredBooking booking, Procedure? procedure, CatalogueSnapshot snapshot)
    {
        var lab = snapshot.LabOf(channel.Name)!;
        return new RunRow
        {
            Name = RunRegister.NewName(),
            Channel = channel.Name,
            Lab = lab.Name,
            Agent = channel.Agent,
            Booking = booking.Name,
            Lease = lease,
            CellTest = booking.Message.CellTest,
            Holder = booking.Message.Holder,
            Owner = booking.Organisation,
            Visibility = booking.Message.Visibility ?? new V1.Visibility { Kind = V1.VisibilityKind.Open },
            Stage = RunStage.Ready,
            CreatedUs = Micros.FromInstant(clock.Now),
            Procedure = procedure?.Name ?? "",
            ProcedureSha256 = procedure?.Sha256 ?? "",
            Flags = lab.Kind is LabKind.Virtual ? [StreamFlags.Simulated] : [],
        };
    }

    private LeasedChannel Leased(RunRow run, Procedure? procedure, CellTest? test, CatalogueSnapshot snapshot)
    {
        var channel = snapshot.Channel(run.Channel)!;
        var rig = snapshot.RigOfChannel(run.Channel)!;
        return new LeasedChannel
        {
            Channel = run.Channel,
            Run = run.Name,
            Limits = ChannelRatings.Within(channel, rig),
            Procedure = run.Procedure,
            ProcedureSha256 = run.ProcedureSha256,
            Program = procedure?.Program,
            Control = snapshot.InstrumentOf(channel)?.Control ?? ControlClass.Monitor,
            CellTest = run.CellTest,
            Simulated = run.Flags.Contains(StreamFlags.Simulated),
            AttendedOnly = rig.AttendedOnly,
            Alarms = { test?.Alarms ?? [], rig.Alarms },
            Calibrations = { Calibrations.InForce(snapshot, run.Channel, clock.Now.InUtc().Date) },
        };
    }

    private static async Task<LeaseFacts> FactsAsync(
        CalendarTransaction tx, string name, StoredBooking booking, Procedure? procedure, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var channel = snapshot.Channel(name);
        var rig = snapshot.RigOfChannel(name);
        if (channel is null || rig is null) return new LeaseFacts(name, false, "", false, new Ratings(0, 0, 0, 0), null);
        var limits = ChannelRatings.Within(channel, rig);
        return new LeaseFacts(
            name, await Catalogue.Catalogue.IsLockedAsync(tx, rig.Name, cancel), channel.Agent, await AgentRegister.IsTrustedAsync(tx, channel.Agent, cancel),
            ChannelRatings.Of(limits), ProcedureOf(booking, procedure));
    }

    private static ProcedureFacts? ProcedureOf(StoredBooking booking, Procedure? procedure)
    {
        if (booking.Message.Procedure.Length == 0) return null;
        if (procedure is null) return new ProcedureFacts(booking.Message.Procedure, false, "", "", new Ratings(0, 0, 0, 0));
        return new ProcedureFacts(procedure.Name, true, procedure.Sha256, Procedures.Procedures.HashOf(procedure.Program), ProgramDemands.Of(procedure.Program));
    }
}
