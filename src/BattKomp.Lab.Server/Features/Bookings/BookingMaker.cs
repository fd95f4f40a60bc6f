using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;
using Violation = BattKomp.Lab.Domain.Bookings.Violation;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Takes time on resources: lock, look, decide, write, in one transaction; or says everything that stands against it.</summary>
internal sealed class BookingMaker(CalendarDatabase database, DemandSignals signals, Audit audit, BookingCalendar calendar, Catalogue.Catalogue catalogue, IServiceProvider services, IBookingNews news, MachineClock clock)
{
    // A stray writer that takes the locks of nobody can win between look and write; then the next look sees it.
    private const int Attempts = 3;

    // How far around a refused wish the nearest free time is sought.
    private static readonly Duration SearchBefore = Duration.FromDays(14);
    private static readonly Duration SearchAfter = Duration.FromDays(60);

    private readonly CalendarHotPath _hot = CalendarHotPath.Of(database);

    /// <summary>Books the wish or throws BOOKING_REFUSED.</summary>
    internal async Task<Booking> CreateAsync(Wish wish, CancellationToken cancel)
    {
        var outcome = wish.ValidateOnly
            ? await database.ReadAsync(tx => CheckAsync(tx, wish, cancel), cancel)
            : await WithBackstopAsync(() => database.WriteAsync(tx => TryAsync(tx, wish, cancel), cancel));
        if (outcome.Answer is { } answer) return answer;
        throw await RefusedAsync(wish, outcome, "", cancel);
    }

    /// <summary>Locks resources for this transaction's writes: first, and all that it will touch, so that no two transactions wait for each other.</summary>
    internal Task LockAsync(CalendarTransaction tx, string subject, IReadOnlyList<string> channels, IReadOnlyList<string> guards, TimeWindow window, CancellationToken cancel) =>
        _hot.LockAndLoadAsync(tx, new HotQuery(subject, "", channels, [], window) { Guards = guards }, cancel);

    /// <summary>The refusal of a wish whose transaction was taken back, with the nearest free time beside what <paramref name="except"/> takes itself.</summary>
    internal async Task<LabException> RefusedAsync(Wish wish, Outcome<Booking> outcome, string except, CancellationToken cancel)
    {
        var violations = await WithNearestAsync(outcome, wish.Request, (now, r, f) => BookingRules.Evaluate(now, r, f), cancel, except);
        violations = wish.MayOverride ? [.. violations.Where(v => v.OverridableBy != Roles.LabManager)] : violations;
        if (!wish.ValidateOnly && !wish.IsOneOfSeveral) await signals.RefusedAsync(wish.Booking, wish.Labs, violations.Select(v => v.Reason));
        return BookingErrors.Refused(violations);
    }

    /// <summary>Books one wish of several in the caller's transaction, by the same lock, look and rules; a refusal is the outcome's violations.</summary>
    internal Task<Outcome<Booking>> CreateWithinAsync(CalendarTransaction tx, Wish wish, CancellationToken cancel) => TryAsync(tx, wish, cancel);

    /// <summary>Takes the resources for maintenance or throws BOOKING_REFUSED.</summary>
    internal async Task<Outage> CreateOutageAsync(OutageWish wish, CancellationToken cancel)
    {
        var request = new BookingRequest(wish.Channels, wish.Window);
        var outcome = wish.Request.ValidateOnly
            ? await database.ReadAsync(async tx => Outcome.Of(wish.Outage, request, wish.Facts with { Occupied = await _hot.OccupiedAsync(tx, wish.Channels, wish.Window, cancel) }, clock.Now), cancel)
            : await WithBackstopAsync(() => database.WriteAsync(tx => TryAsync(tx, wish, request, cancel), cancel));
        if (outcome.Answer is { } answer) return answer;
        throw BookingErrors.Refused(await WithNearestAsync(outcome, request, (now, r, f) => BookingRules.EvaluateOutage(now, r, f), cancel));
    }

    private async Task<Outcome<Booking>> CheckAsync(CalendarTransaction tx, Wish wish, CancellationToken cancel)
    {
        var occupied = await _hot.OccupiedAsync(tx, wish.Request.Channels, Padded(wish), cancel);
        var plan = QuotaPlan.Of(wish.Booking, wish.Organisation, wish.Policies, clock.Now);
        var uses = await CalendarHotPath.UsesAsync(tx, plan.Queries, cancel);
        return Decide(wish, await CountedAsync(tx, wish, wish.Facts with { Occupied = occupied }, plan, uses, cancel));
    }

    private async Task<Outcome<Booking>> TryAsync(CalendarTransaction tx, Wish wish, CancellationToken cancel)
    {
        var plan = QuotaPlan.Of(wish.Booking, wish.Organisation, wish.Policies, clock.Now);
        var query = new HotQuery(wish.Person.Name, wish.RequestId, wish.Request.Channels, wish.Rigs, Padded(wish)) { Guards = wish.Guards(plan), Uses = plan.Queries };
        var look = await _hot.LockAndLoadAsync(tx, query, cancel);
        if (look.Earlier is { } earlier)
            return earlier.ContentSha256 == wish.Content
                ? new Outcome<Booking>(Booking.Parser.ParseFrom(earlier.Response), [], wish.Facts)
                : throw LabErrors.RequestIdReused(wish.RequestId);
        var facts = await CountedAsync(tx, wish, wish.Facts with { Occupied = look.Occupied }, plan, look.Uses, cancel);
        var outcome = Decide(wish, CatalogueFacts.WithLocks(facts, look.LockedRigs));
        if (outcome.Answer is not { } made) return outcome;
        var now = clock.Now;
        made.Name = "bookings/" + Guid.CreateVersion7().ToString("N");
        made.Etag = BookingViews.Etag(1);
        made.CreateTime = BookingTimes.Stamp(now);
        var answer = wish.RequestId.Length > 0 ? new RequestAnswer(wish.Person.Name, wish.RequestId, wish.Method, wish.Content, made.ToByteArray()) : null;
        var stored = new StoredBooking(0, made, wish.Organisation, 1);
        await _hot.InsertAsync(tx, stored, Micros.FromInstant(now), answer, cancel);
        await news.CreatedAsync(tx, stored, cancel);
        if (made.State == V1.BookingState.Pending)
        {
            await Approvals.AskAsync(tx, made.Name, wish.AsksLabs, Micros.FromInstant(now), cancel);
            await news.AskedAsync(tx, stored, wish.AsksLabs, cancel);
        }
        if (outcome.Violations.Count > 0)
            await audit.WriteAsync(tx, wish.Person.Name, "override-booking-rules", made.Name, made.StateReason, string.Join(", ", outcome.Violations.Select(v => v.Reason)), cancel);
        return outcome;
    }

    // Cancels what stands in the way and lets its holders wait; what runs stays in the way. Returns what still stands.
    private async Task<List<Occupied>> DisplaceAsync(CalendarTransaction tx, OutageWish wish, List<Occupied> standing, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        foreach (var booking in await BookingStore.InTheWayAsync(tx, wish.Channels, wish.Window, cancel))
        {
            await calendar.StepAsync(tx, booking, BookingStep.Cancel, "displaced: " + wish.Outage.Why, cancel, wish.Person.Name);
            await audit.WriteAsync(tx, wish.Person.Name, "displace-booking", booking.Name, wish.Outage.Why, "", cancel);
            if (services.GetService<IDisplaced>() is { } displaced) await displaced.WaitAsync(tx, booking, snapshot, cancel);
        }
        return standing.Count == 0 ? standing : await _hot.OccupiedAsync(tx, wish.Channels, wish.Window, cancel);
    }

    private async Task<Outcome<Outage>> TryAsync(CalendarTransaction tx, OutageWish wish, BookingRequest request, CancellationToken cancel)
    {
        var look = await _hot.LockAndLoadAsync(tx, new HotQuery(wish.Person.Name, wish.Request.RequestId, wish.Channels, [], wish.Window), cancel);
        if (look.Earlier is { } earlier)
            return earlier.ContentSha256 == wish.Content
                ? new Outcome<Outage>(Outage.Parser.ParseFrom(earlier.Response), [], wish.Facts)
                : throw LabErrors.RequestIdReused(wish.Request.RequestId);
        var occupied = wish.Request.Displace ? await DisplaceAsync(tx, wish, look.Occupied, cancel) : look.Occupied;
        var outcome = Outcome.Of(wish.Outage, request, wish.Facts with { Occupied = occupied }, clock.Now);
        // Leaving by an exception gives back what was displaced for nothing.
        if (outcome.Answer is null && wish.Request.Displace) throw BookingErrors.Refused(outcome.Violations);
        if (outcome.Answer is not { } made) return outcome;
        made.Name = "outages/" + Guid.CreateVersion7().ToString("N");
        var nowUs = Micros.FromInstant(clock.Now);
        await BookingStore.InsertOutageAsync(tx, made, wish.Person.Name, nowUs, cancel);
        await _hot.OccupyAsync(tx, made.Name, OccupancyKind.Outage, wish.Channels, wish.Window, cancel);
        await audit.WriteAsync(tx, wish.Person.Name, "create-outage", made.Name, made.Why, BookingStore.Join(made.Resources), cancel);
        if (wish.Request.RequestId.Length > 0)
            await tx.ExecuteAsync(RequestLog.StoreSql, cancel, ("s", wish.Person.Name), ("r", wish.Request.RequestId), ("m", wish.Method),
                ("c", wish.Content), ("b", made.ToByteArray()), ("t", nowUs));
        return outcome;
    }

    // What can be counted only over many bookings, under the locks on what it is counted over.
    private async Task<BookingFacts> CountedAsync(
        CalendarTransaction tx, Wish wish, BookingFacts facts, QuotaPlan plan, IReadOnlyList<IReadOnlyList<UseRow>> uses, CancellationToken cancel)
    {
        if (wish.Request.Hold) facts = facts with { HoldsOfPerson = await BookingStore.HoldsOfAsync(tx, wish.Booking.Holder, Micros.FromInstant(clock.Now), cancel) };
        return wish.Policies.Counts
            ? facts with { Quotas = plan.With(uses), Pools = await PoolFacts.PoolsAsync(tx, wish.Booking, wish.Policies.Layers, wish.Catalogue, cancel) }
            : facts;
    }

    private Outcome<Booking> Decide(Wish wish, BookingFacts facts)
    {
        var violations = BookingRules.Evaluate(clock.Now, wish.Request, facts);
        var accepted = wish.MayOverride ? violations.All(v => v.OverridableBy == Roles.LabManager) : violations.Count == 0;
        if (!accepted) return new Outcome<Booking>(null, violations, facts);
        var made = wish.Booking.Clone();
        // A reason is kept only where it was needed.
        if (violations.Count == 0) made.StateReason = "";
        return new Outcome<Booking>(made, violations, facts);
    }

    /// <summary>Writes, and looks again when a stray writer was faster.</summary>
    internal async Task<T> WithBackstopAsync<T>(Func<Task<T>> write)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await write();
            }
            catch (Exception e) when (_hot.IsOverlap(e))
            {
                if (attempt == Attempts)
                    throw BookingErrors.Refused([new Violation("CHANNEL_OCCUPIED", "occupancy", "Somebody else took the time at the same moment. Look at the calendar and choose another time.")]);
            }
        }
    }

    /// <summary>Looks wider around a wish that others' time stands against, so that the refusal can say what is free.</summary>
    private async Task<IReadOnlyList<Violation>> WithNearestAsync<T>(
        Outcome<T> refused, BookingRequest request, Func<Instant, BookingRequest, BookingFacts, IReadOnlyList<Violation>> evaluate, CancellationToken cancel, string except = "")
        where T : class
    {
        if (refused.Violations.All(v => v.Rule is not ("occupancy" or "outage" or "buffer"))) return refused.Violations;
        var around = new TimeWindow(request.Window.Start - SearchBefore, request.Window.End + SearchAfter);
        var wide = await database.ReadAsync(tx => _hot.OccupiedAsync(tx, request.Channels, around, cancel, except), cancel);
        // What was seen under the lock stays in the answer even when it is gone by now.
        return evaluate(clock.Now, request, refused.Facts with { Occupied = [.. refused.Facts.Occupied.Union(wide)], OccupiedKnown = around });
    }

    private static TimeWindow Padded(Wish wish)
    {
        var (window, buffer) = (wish.Request.Window, wish.Facts.Limits.Buffer);
        return new TimeWindow(window.Start - buffer, window.End + buffer);
    }
}

/// <summary>A create, checked for form and ready to be decided.</summary>
internal sealed record Wish(PersonCaller Person, string Organisation, Booking Booking, BookingRequest Request, BookingFacts Facts, IReadOnlyList<string> Rigs, IReadOnlyList<string> Labs)
{
    internal required string Method { get; init; }

    internal required string RequestId { get; init; }

    internal required string Content { get; init; }

    internal required bool ValidateOnly { get; init; }

    /// <summary>One choice of several for one wish: a refusal is the wish's only when all are refused.</summary>
    internal bool IsOneOfSeveral { get; init; }

    /// <summary>Labs whose managers must agree before it is firm; see <see cref="Approvals.Needed"/>.</summary>
    internal IReadOnlyList<string> AsksLabs { get; init; } = [];

    /// <summary>See <see cref="HotQuery.Guards"/>.</summary>
    internal IReadOnlyList<string> Guards(QuotaPlan plan) => Request.Hold || Policies.Counts ? [.. Request.Hold ? new[] { Booking.Holder } : [], .. plan.Guards, .. PoolFacts.Guards(Policies)] : [];

    /// <summary>The policies over it.</summary>
    internal required PolicySet Policies { get; init; }

    /// <summary>What pools draw by.</summary>
    internal required CatalogueFacts Catalogue { get; init; }

    /// <summary>A manager of every lab concerned gave a reason.</summary>
    internal bool MayOverride => Booking.StateReason.Length > 0 && Labs.Count > 0 && Labs.All(Person.Manages);
}

/// <summary>A maintenance window, checked for form.</summary>
internal sealed record OutageWish(PersonCaller Person, Outage Outage, IReadOnlyList<string> Channels, TimeWindow Window, BookingFacts Facts, CreateOutageRequest Request, string Method, string Content);

/// <summary>What a decision led to: an answer, or what stands against it.</summary>
internal sealed record Outcome<T>(T? Answer, IReadOnlyList<Violation> Violations, BookingFacts Facts) where T : class;

/// <summary>Makes outcomes of outages.</summary>
internal static class Outcome
{
    internal static Outcome<Outage> Of(Outage wanted, BookingRequest request, BookingFacts facts, Instant now)
    {
        var violations = BookingRules.EvaluateOutage(now, request, facts);
        return new Outcome<Outage>(violations.Count == 0 ? wanted.Clone() : null, violations, facts);
    }
}
