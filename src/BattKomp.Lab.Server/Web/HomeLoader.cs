using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using NodaTime;

namespace BattKomp.Lab.Server.Web;

/// <summary>Everything the front page shows to one person at one moment.</summary>
public sealed record HomeView(Person Person, IReadOnlyList<LabToday> Labs, IReadOnlyList<RunRow> Runs, IReadOnlyList<Incident> Incidents);

/// <summary>A lab, its rigs and its day.</summary>
public sealed record LabToday(V1.Lab Lab, LocalDate Day, IReadOnlyList<Rig> Rigs, IReadOnlyList<BookingRow> Bookings);

/// <summary>One stretch of taken time; an outage has no booking.</summary>
/// <param name="From">In the lab's own zone.</param>
/// <param name="To">In the lab's own zone.</param>
/// <param name="Channels">Channels or rigs it takes.</param>
/// <param name="Booking">The booking; null for an outage.</param>
/// <param name="OutageWhy">Why the outage; empty for a booking.</param>
/// <param name="MayCancel">Whether to offer it; the handler decides again.</param>
public sealed record BookingRow(ZonedDateTime From, ZonedDateTime To, IReadOnlyList<string> Channels, Booking? Booking, string OutageWhy, bool MayCancel);

/// <summary>One active run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Completeness">Its account in one sentence.</param>
/// <param name="MayStop">Whether to offer it; the handler decides again.</param>
public sealed record RunRow(Run Run, string Completeness, bool MayStop);

/// <summary>Gathers the front page through <see cref="PageCalls"/>.</summary>
public sealed class HomeLoader(PageCalls calls, MachineClock clock)
{
    /// <summary>The page of the person who is signed in.</summary>
    /// <exception cref="Grpc.Core.RpcException">Nobody is, or a call was refused.</exception>
    public async Task<HomeView> LoadAsync()
    {
        var person = await calls.WhoAmI();
        var rigs = (await calls.Rigs()).ToLookup(r => r.Lab);
        var labs = new List<LabToday>();
        foreach (var lab in await calls.Labs())
        {
            var (day, rows) = await TodayAsync(person, lab, [.. rigs[lab.Name]]);
            labs.Add(new LabToday(lab, day, [.. rigs[lab.Name]], rows));
        }
        var labOfRig = rigs.SelectMany(g => g).ToDictionary(r => r.Name, r => r.Lab);
        return new HomeView(person, labs, await RunsAsync(person, labOfRig), await calls.OpenIncidents());
    }

    private async Task<(LocalDate Day, IReadOnlyList<BookingRow> Rows)> TodayAsync(Person person, V1.Lab lab, IReadOnlyList<Rig> rigs)
    {
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(lab.TimeZone) ?? DateTimeZone.Utc;
        var day = clock.Now.InZone(zone).Date;
        var (start, end) = (day.AtStartOfDayInZone(zone), day.PlusDays(1).AtStartOfDayInZone(zone));
        var taken = await calls.Bookings(new TimeWindow { Start = Stamp(start), End = Stamp(end) });
        var here = rigs.Select(r => r.Name).ToHashSet();
        var staff = IsStaff(person, lab.Name);
        var bookings = taken.Bookings.Where(b => b.Channels.Any(c => here.Contains(ResourceNames.RigOf(c)))).Select(b =>
            new BookingRow(In(b.Window.Start, zone), In(b.Window.End, zone), b.Channels, b, "", Cancellable(b) && (staff || b.Holder == person.Name)));
        var outages = taken.Outages.Where(o => o.Resources.Any(c => here.Contains(ResourceNames.RigOf(c)))).Select(o =>
            new BookingRow(In(o.Window.Start, zone), In(o.Window.End, zone), o.Resources, null, o.Why, false));
        return (day, [.. bookings.Concat(outages).OrderBy(r => r.From.ToInstant()).ThenBy(r => r.Channels[0], StringComparer.Ordinal)]);
    }

    private async Task<IReadOnlyList<RunRow>> RunsAsync(Person person, Dictionary<string, string> labOfRig)
    {
        var rows = new List<RunRow>();
        foreach (var run in await calls.ActiveRuns())
        {
            var (completeness, refusal) = await Refused.OrAsync(calls.Completeness(run.Name));
            var lab = labOfRig.GetValueOrDefault(ResourceNames.RigOf(run.Channel), "");
            var mayStop = IsStaff(person, lab) || (run.Booking.Length > 0 && (await Refused.OrAsync(calls.Booking(run.Booking))).Answer?.Holder == person.Name);
            rows.Add(new RunRow(run, completeness?.Sentence ?? refusal!.Message, mayStop));
        }
        return rows;
    }

    private static bool Cancellable(Booking booking) => !booking.BusyOnly && booking.State is BookingState.Confirmed or BookingState.Held;

    private static bool IsStaff(Person person, string lab) => lab.Length > 0 && person.Affiliations.Any(a => a.Lab == lab);

    private static ZonedDateTime In(Timestamp timestamp, DateTimeZone zone) =>
        Instant.FromUnixTimeSeconds(timestamp.Seconds).PlusNanoseconds(timestamp.Nanos).InZone(zone);

    private static Timestamp Stamp(ZonedDateTime time) => new() { Seconds = time.ToInstant().ToUnixTimeSeconds() };
}
