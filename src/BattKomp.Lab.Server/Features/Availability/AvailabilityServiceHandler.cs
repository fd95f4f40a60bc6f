using BattKomp.Lab.Domain.Bookings.Search;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Grpc.Core;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Availability;

/// <summary>Registers the slice.</summary>
public static class AvailabilityFeature
{
    /// <summary>The index, the finder and their handler.</summary>
    public static IServiceCollection AddAvailability(this IServiceCollection services) =>
        services.AddSingleton<AvailabilityIndex>().AddSingleton<IChannelChoice, ChannelChoice>().AddSingleton<AvailabilityFinder>().AddSingleton<AvailabilityServiceHandler>();
}

/// <summary>availability.proto on the wire.</summary>
public sealed class AvailabilityServiceHandler(AvailabilityFinder finder, AvailabilityIndex index, Catalogue.Catalogue catalogue, DemandSignals signals, MachineClock clock) : AvailabilityService.AvailabilityServiceBase
{
    private static readonly Duration Longest = Duration.FromDays(92);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override async Task<SearchAvailabilityResponse> SearchAvailability(SearchAvailabilityRequest request, ServerCallContext context)
    {
        var snapshot = await catalogue.GetAsync(context.CancellationToken);
        var (asked, grid) = Read(request, snapshot, clock.Now);
        var answer = await finder.FindAsync(context.Person(), asked, grid, context.CancellationToken);
        if (answer.Windows.Count == 0) await SignalAsync(asked, grid, answer, snapshot);
        return answer;
    }

    /// <inheritdoc/>
    public override async Task WatchAvailability(WatchAvailabilityRequest request, IServerStreamWriter<SearchAvailabilityResponse> responseStream, ServerCallContext context)
    {
        var (told, cancel) = (request.ResumeToken, context.CancellationToken);
        while (!cancel.IsCancellationRequested)
        {
            // Read anew: what lies ahead moves on with time.
            var (asked, grid) = Read(request.Search, await catalogue.GetAsync(cancel), clock.Now);
            var answer = await finder.FindAsync(context.Person(), asked, grid, cancel);
            if (answer.ResumeToken != told) await responseStream.WriteAsync(answer, cancel);
            told = answer.ResumeToken;
            try
            {
                await Task.Delay(LookEvery, clock.Provider, cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <inheritdoc/>
    public override async Task<ListTakenResponse> ListTaken(ListTakenRequest request, ServerCallContext context)
    {
        var snapshot = await catalogue.GetAsync(context.CancellationToken);
        var checks = new FieldChecks();
        var within = BookingFields.Window(checks, request.Within, "within");
        checks.Require(within is not { } w || w.Length <= Duration.FromDays(100), "within", "is longer than 100 d; ask for less at a time.")
            .Require(request.Place.Length == 0 || snapshot.Lab(request.Place) is not null || snapshot.Rig(request.Place) is not null, "place", "is no known lab or rig; leave it empty for everywhere.").ThrowIfAny();
        var (times, asOf) = await index.GetAsync(context.CancellationToken);
        var (from, to) = (Micros.FromInstant(within!.Value.Start), Micros.FromInstant(within.Value.End));
        var answer = new ListTakenResponse { AsOf = BookingTimes.Stamp(asOf) };
        foreach (var rig in snapshot.Rigs.Where(r => request.Place.Length == 0 || r.Name == request.Place || r.Lab == request.Place).Take(2000))
            foreach (var channel in rig.Channels)
            {
                var taken = new TakenChannel { Channel = channel.Name };
                foreach (var (start, end) in times(channel.Name).Between(from, to)) taken.Edges.Add([Math.DivRem(start, 1_000_000).Quotient, (end + 999_999) / 1_000_000]);
                if (taken.Edges.Count > 0) answer.Channels.Add(taken);
            }
        return answer;
    }

    /// <summary>The search with its defaults filled in, and the starts that it looks at.</summary>
    /// <param name="request">As it came.</param>
    /// <param name="snapshot">Labs, rigs, codes.</param>
    /// <param name="now">Machine time.</param>
    /// <param name="at">What stands before the name of a field in a mistake.</param>
    /// <exception cref="LabException">FIELDS_INVALID with every mistake.</exception>
    internal static (SearchAvailabilityRequest Asked, SearchGrid Grid) Read(SearchAvailabilityRequest? request, CatalogueSnapshot snapshot, Instant now, string at = "")
    {
        var asked = (request ?? new SearchAvailabilityRequest()).Clone();
        if (asked.Count == 0) asked.Count = 1;
        if (asked.MaxWindows == 0) asked.MaxWindows = 20;
        if (asked.GridMinutes == 0) asked.GridMinutes = 15;
        if (asked.Headcount == 0) asked.Headcount = 1;
        if (asked.Presence == Presence.Unspecified) asked.Presence = Presence.OnSite;
        var checks = new FieldChecks();
        asked.Within ??= BookingTimes.Window(new Domain.Time.TimeWindow(now, now + Duration.FromDays(90)));
        var within = BookingFields.Window(checks, asked.Within, "within");
        checks.Require(asked.Count is >= 1 and <= 64, at + "count", $"is {asked.Count}; use 1 to 64 channels.")
            .Require(asked.LengthMinutes is >= 1 and <= 60 * 24 * 366, at + "length_minutes", $"is {asked.LengthMinutes}; use 1 to {60 * 24 * 366}.")
            .Require(asked.MaxWindows is >= 1 and <= 100, at + "max_windows", $"is {asked.MaxWindows}; use 1 to 100, or 0 for 20.")
            .Require(asked.GridMinutes is 5 or 15 or 30 or 60, at + "grid_minutes", $"is {asked.GridMinutes}; use 5, 15, 30 or 60, or 0 for 15.")
            .Require(asked.Headcount is >= 1 and <= 1000, at + "headcount", $"is {asked.Headcount}; use 1 to 1000.")
            .Require(Enum.IsDefined(asked.Presence), at + "presence", "is unknown; use ON_SITE, REMOTE_VIEW or REMOTE_OPERATE.")
            .Require(within is not { } w || w.Length <= Longest, at + "within", "is longer than 92 d; search less at a time.")
            .Require(within is not { } e || e.End > now, at + "within.end", "is past; search time to come.")
            .Require(asked.Place.Length == 0 || snapshot.Lab(asked.Place) is not null || snapshot.Rig(asked.Place) is not null, at + "place", "is no known lab or rig; leave it empty for anywhere.");
        foreach (var (field, list, code) in new[] { ("stage", "stage", asked.Stage), ("rig_kind", "rig-kind", asked.RigKind), ("activity_class", "activity-class", asked.ActivityClass), ("education_level", "education-level", asked.EducationLevel) })
            checks.Require(code.Length == 0 || snapshot.HasCode(list, code), at + field, $"must be one of {snapshot.CodesOf(list)}.");
        foreach (var (field, value) in new[] { ("charge_ampere", asked.ChargeAmpere), ("discharge_ampere", asked.DischargeAmpere), ("volt", asked.Volt), ("watt", asked.Watt) })
            checks.Require(value is >= 0 and <= 1e6, at + field, "must be 0 to 1e6.");
        checks.Require(!asked.HasCelsius || asked.Celsius is >= -273.15 and <= 2000, at + "celsius", "must be a temperature in °C.").ThrowIfAny();
        var step = asked.GridMinutes * 60_000_000L;
        var first = (Micros.FromInstant(Instant.Max(within!.Value.Start, now)) + step - 1) / step * step;
        return (asked, new SearchGrid(first, step, (int)Math.Max(1, (Micros.FromInstant(within.Value.End) - first + step - 1) / step)));
    }

    private Task SignalAsync(SearchAvailabilityRequest asked, SearchGrid grid, SearchAvailabilityResponse answer, CatalogueSnapshot snapshot)
    {
        var wish = new Booking
        {
            Window = BookingTimes.Window(BookingTimes.Window(grid.At(0), grid.At(grid.Points - 1) + (asked.LengthMinutes * 60_000_000L))),
            ActivityClass = asked.ActivityClass,
            EducationLevel = asked.EducationLevel,
            Headcount = asked.Headcount,
        };
        if (asked.Stage.Length > 0) wish.Stages.Add(asked.Stage);
        IReadOnlyList<string> labs = snapshot.Lab(asked.Place) is { } lab ? [lab.Name] : snapshot.Rig(asked.Place) is { } rig ? [rig.Lab] : [];
        return signals.KeepAsync("search-empty", wish, labs, answer.NearMisses.Select(m => m.Reason));
    }
}
