using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Incidents;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>Registers the slice.</summary>
public static class UsageFeature
{
    /// <summary>Monthly accounts, the sweep that makes them, and their handler.</summary>
    public static IServiceCollection AddUsage(this IServiceCollection services) =>
        services.AddSingleton<OpenTimes>().AddSingleton<LostTimes>().AddSingleton<RunTimes>().AddSingleton<UsageSnapshots>().AddSweep<UsageSnapshots>();
}

/// <summary>
/// Monthly accounts of use. A month is reckoned once, when it is over and settled, and never again: of two accounts of one month the difference would
/// tell of single bookings. Missing months are made up for, however long the server was away.
/// </summary>
public sealed class UsageSnapshots(
    CalendarDatabase database, Catalogue.Catalogue catalogue, BookingUsage usage, RunTimes runs, LockedTimes locked, LostTimes lost, OpenTimes openTimes, LabOptions options, MachineClock clock) : ISweep
{
    private static readonly YearMonthPattern Months = YearMonthPattern.CreateWithInvariantCulture("uuuu-MM");

    // The last month known to be closed; spares the question each second.
    private YearMonth? _closed;

    /// <inheritdoc/>
    public string Name => "usage-snapshots";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var last = LastDue(snapshot);
        if (_closed is { } closed && closed.CompareTo(last) >= 0) return;
        if (await usage.EarliestAsync(cancel) is not { } earliest) return;
        var done = (await ListAsync(cancel)).Select(s => s.Name).ToHashSet();
        for (var month = EarliestDate(snapshot, earliest).ToYearMonth(); month.CompareTo(last) <= 0; month = month.PlusMonths(1))
            if (!done.Contains(NameOf(month)))
                await CloseAsync(month, snapshot, cancel);
        _closed = last;
    }

    /// <summary>Every closed month, newest first, without the files' text.</summary>
    public Task<List<UsageSnapshot>> ListAsync(CancellationToken cancel) => ReadAsync("", cancel);

    /// <summary>One month with its files; null when it is not closed.</summary>
    public async Task<UsageSnapshot?> FindAsync(string name, CancellationToken cancel) => (await ReadAsync(name, cancel)).SingleOrDefault();

    private async Task<List<UsageSnapshot>> ReadAsync(string name, CancellationToken cancel)
    {
        var one = name.Length > 0;
        var rows = await database.ReadAsync(tx => tx.QueryAsync(
            $"SELECT month, file, sha256, created_us{(one ? ", content" : "")} FROM usage_snapshots{(one ? " WHERE month = @m" : "")} ORDER BY month DESC, file",
            r => (Month: r.GetString(0), Created: r.GetInt64(3), File: new UsageFile { Name = r.GetString(1), Sha256 = r.GetString(2), Text = one ? Encoding.UTF8.GetString(r.GetFieldValue<byte[]>(4)) : "" }),
            cancel, one ? [("m", Contracts.ResourceNames.LastId(name))] : []), cancel);
        return [.. rows.GroupBy(r => r.Month).Select(g => new UsageSnapshot { Name = $"usageSnapshots/{g.Key}", CreateTime = Timestamps.FromMicros(g.First().Created), Files = { g.Select(r => r.File) } })];
    }

    private async Task CloseAsync(YearMonth month, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var known = new Dictionary<YearMonth, MonthFacts> { [month] = await FactsAsync(month, month, snapshot, cancel) };
        var facts = new Dictionary<string, MonthFacts>();
        foreach (var kind in UsageTables.Kinds)
        {
            var since = await SinceAsync(month, kind, cancel);
            facts[kind] = known.TryGetValue(since, out var found) ? found : known[since] = await FactsAsync(since, month, snapshot, cancel);
        }
        var files = UsageTables.Of(facts, known[month]).Select(f => (Name: f.Key, Content: Encoding.UTF8.GetBytes(f.Value))).ToList();
        await database.WriteAsync(async tx =>
        {
            // Two servers may both have reckoned it: the files of one of them are kept.
            if (tx.Dialect == "postgres") await tx.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@k, 9))", cancel, ("k", NameOf(month)));
            if ((await tx.QueryAsync("SELECT count(*) FROM usage_snapshots WHERE month = @m", r => r.GetInt64(0), cancel, ("m", Months.Format(month)))).Single() > 0) return;
            foreach (var (name, content) in files)
                await tx.ExecuteAsync("INSERT INTO usage_snapshots (month, file, content, sha256, created_us) VALUES (@m, @f, @c, @h, @t)", cancel,
                    ("m", Months.Format(month)), ("f", name), ("c", content), ("h", Convert.ToHexStringLower(SHA256.HashData(content))), ("t", Micros.FromInstant(clock.Now)));
        }, cancel);
    }

    // The first of the months before that wait to be told with this one.
    private async Task<YearMonth> SinceAsync(YearMonth month, string kind, CancellationToken cancel)
    {
        var since = month;
        while (await FindAsync(NameOf(since.PlusMonths(-1)), cancel) is { } before && UsageTables.Waits(before.Files.ToDictionary(f => f.Name, f => f.Text), kind)) since = since.PlusMonths(-1);
        return since;
    }

    private async Task<MonthFacts> FactsAsync(YearMonth since, YearMonth month, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var windows = snapshot.Labs.ToDictionary(l => l.Name, l => MonthsIn(since, month, ZoneOf(l.TimeZone)));
        var all = windows.Count == 0 ? MonthsIn(since, month, DateTimeZone.Utc) : new TimeWindow(windows.Values.Min(w => w.Start), windows.Values.Max(w => w.End));
        var open = new Dictionary<string, IReadOnlyList<TimeWindow>>();
        foreach (var rig in snapshot.Rigs.Where(r => windows.ContainsKey(r.Lab))) open[rig.Name] = await openTimes.OfAsync(rig, windows[rig.Lab], snapshot, cancel);
        return new MonthFacts
        {
            Since = since,
            Month = month,
            Catalogue = snapshot,
            Windows = windows,
            Used = await usage.OverlappingAsync(all, cancel),
            Runs = (await runs.OverlappingAsync(all, cancel)).ToLookup(r => r.Booking),
            Locked = (await locked.OverlappingAsync(all, cancel)).ToLookup(l => l.Rig, l => l.Window),
            Lost = await lost.OverlappingAsync(all, cancel),
            Outages = await usage.OutagesAsync(all, cancel),
            // A wish has no place of its own to be dated in but the country's: the first lab's.
            Unmet = await usage.UnmetAsync(windows.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => (TimeWindow?)w.Value).FirstOrDefault() ?? all, cancel),
            Open = open,
            Least = options.Usage.LeastBookings,
        };
    }

    // The last month that is over everywhere and settled.
    private YearMonth LastDue(CatalogueSnapshot snapshot) => EarliestDate(snapshot, clock.Now - Duration.FromDays(options.Usage.SettleDays)).ToYearMonth().PlusMonths(-1);

    // The earliest that any lab's calendar says at the instant.
    private static LocalDate EarliestDate(CatalogueSnapshot snapshot, Instant at) =>
        snapshot.Labs.Select(l => ZoneOf(l.TimeZone)).DefaultIfEmpty(DateTimeZone.Utc).Min(zone => at.InZone(zone).Date);

    private static TimeWindow MonthsIn(YearMonth first, YearMonth month, DateTimeZone zone) =>
        new(zone.AtStartOfDay(first.OnDayOfMonth(1)).ToInstant(), zone.AtStartOfDay(month.PlusMonths(1).OnDayOfMonth(1)).ToInstant());

    private static DateTimeZone ZoneOf(string name) => DateTimeZoneProviders.Tzdb.GetZoneOrNull(name) ?? DateTimeZone.Utc;

    private static string NameOf(YearMonth month) => $"usageSnapshots/{Months.Format(month)}";
}
