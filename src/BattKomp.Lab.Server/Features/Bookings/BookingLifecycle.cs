using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>A step that a person asks for.</summary>
/// <param name="Person">Who.</param>
/// <param name="Name">bookings/{booking}</param>
/// <param name="Method">The call.</param>
/// <param name="Request">As it came.</param>
/// <param name="RequestId">Empty = none.</param>
internal sealed record Act(PersonCaller Person, string Name, string Method, IMessage Request, string RequestId)
{
    /// <summary>Empty = any.</summary>
    internal string Etag { get; init; } = "";

    /// <summary>Why; empty = not said.</summary>
    internal string Reason { get; init; } = "";
}

/// <summary>What stands against a booking that is about to become firm; its facts were loaded before the transaction, the locks of its rigs are read in it.</summary>
internal delegate Task<IReadOnlyList<Domain.Bookings.Violation>> Standing(CalendarTransaction tx);

/// <summary>The steps of a booking that keep its row: confirm, approve, decline, check in, release, cancel.</summary>
internal sealed class BookingLifecycle(
    CalendarDatabase database, Catalogue.Catalogue catalogue, BookingCalendar calendar, BookingOptions options, RequestLog requests, Policy policy, Audit audit, IBookingNews news, MachineClock clock)
{
    /// <summary>HELD → CONFIRMED, or PENDING where an owner must agree.</summary>
    internal Task<Booking> ConfirmAsync(Act act, Standing standing, CancellationToken cancel) => OnAsync(act, async (tx, found, snapshot) =>
    {
        if (act.Person.Name != found.Message.Holder) throw LabErrors.NotAllowed($"confirm {found.Name}", "Ask its holder.");
        NotOver(found, BookingStep.Confirm);
        if (found.State != State.Held) throw BookingErrors.WrongState(found, BookingStep.AskApproval);
        if (await standing(tx) is { Count: > 0 } violations) throw BookingErrors.Refused(violations);
        var labs = Approvals.Needed(act.Person, found.Message.Channels, snapshot);
        if (labs.Count == 0) return await calendar.StepAsync(tx, found, BookingStep.Confirm, "", cancel, act.Person.Name);
        var pending = await calendar.StepAsync(tx, found, BookingStep.AskApproval, "", cancel, act.Person.Name);
        await tx.ExecuteAsync("UPDATE bookings SET expire_us = @e WHERE name = @n", cancel,
            ("e", Micros.FromInstant(ApprovalEnd(options, clock.Now, found.Window))), ("n", found.Name));
        await Approvals.AskAsync(tx, found.Name, labs, Micros.FromInstant(clock.Now), cancel);
        await news.AskedAsync(tx, pending, labs, cancel);
        return (await calendar.FindAsync(tx, pending.Name, cancel))!;
    }, cancel);

    /// <summary>One owner's yes or no.</summary>
    internal Task<Booking> DecideAsync(Act act, Decision decision, Standing standing, CancellationToken cancel) => OnAsync(act, async (tx, found, _) =>
    {
        var step = decision == Decision.Approved ? BookingStep.Confirm : BookingStep.Decline;
        NotOver(found, step);
        if (found.State != State.Pending) throw BookingErrors.WrongState(found, BookingStep.Decline);
        var rows = await Approvals.OfAsync(tx, found.Name, cancel);
        var mine = rows.Where(r => r.Decision == Decision.OpenDecision && MayDecide(act.Person, r, found)).ToList();
        if (mine.Count == 0) throw LabErrors.NotAllowed($"decide on {found.Name}", $"Ask a lab manager of {string.Join(" or ", rows.Where(r => r.Decision == Decision.OpenDecision).Select(r => r.Owner))}.");
        foreach (var row in mine)
        {
            await Approvals.AnswerAsync(tx, found.Name, row.Owner, decision, act.Person.Name, act.Reason, Micros.FromInstant(clock.Now), cancel);
            await audit.WriteAsync(tx, act.Person.Name, decision == Decision.Approved ? "approve-booking" : "decline-booking", found.Name, act.Reason, row.Owner, cancel);
        }
        if (decision == Decision.Declined) return await calendar.StepAsync(tx, found, BookingStep.Decline, "declined: " + act.Reason, cancel, act.Person.Name);
        if (rows.Count(r => r.Decision == Decision.OpenDecision) > mine.Count) return found;
        if (await standing(tx) is { Count: > 0 } violations) throw BookingErrors.Refused(violations);
        return await calendar.StepAsync(tx, found, BookingStep.Confirm, "", cancel, act.Person.Name);
    }, cancel);

    /// <summary>Somebody says that the holder has come.</summary>
    internal Task<Booking> CheckInAsync(Act act, CancellationToken cancel) => OnAsync(act, async (tx, found, snapshot) =>
    {
        policy.RequireHolderOrStaff(act.Person, found.Message.Holder, BookingViews.LabFor(act.Person, found, snapshot), $"check in to {found.Name}");
        if (found.Message.CheckInTime is not null && found.State is State.Confirmed or State.Running) return found;
        var (now, opens) = (clock.Now, found.Window.Start - Duration.FromMinutes(options.CheckInLeadMinutes));
        var closes = options.GraceOf(found.Message.Purpose, found.Message.Cohort) is { } grace ? Instant.Min(found.Window.Start + grace, found.Window.End) : found.Window.End;
        if (found.State != State.Confirmed) throw BookingErrors.WrongState(found, BookingStep.Start);
        if (now < opens || now >= closes)
            throw BookingErrors.WrongTime(found, now < opens ? $"opens {Sentences.Of(opens)}; come back then" : $"closed {Sentences.Of(closes)}, when its time was given away; book again", opens, closes);
        await BookingStore.CheckInAsync(tx, found.Name, Micros.FromInstant(now), cancel);
        return (await calendar.FindAsync(tx, found.Name, cancel))!;
    }, cancel);

    /// <summary>Gives back what is left after a check-in.</summary>
    internal Task<Booking> ReleaseAsync(Act act, CancellationToken cancel) => OnAsync(act, async (tx, found, snapshot) =>
    {
        policy.RequireHolderOrStaff(act.Person, found.Message.Holder, BookingViews.LabFor(act.Person, found, snapshot), $"release {found.Name}");
        if (found.State == State.Confirmed && found.Message.CheckInTime is null)
            throw new LabException(Reason.WrongState, $"Nobody has checked in to '{found.Name}'. Cancel it instead, or check in first.") { Metadata = { ["name"] = found.Name, ["state"] = "CONFIRMED" } };
        return await calendar.StepAsync(tx, found, BookingStep.Release, $"released {Sentences.Of(clock.Now)}", cancel, act.Person.Name);
    }, cancel);

    /// <summary>Frees the time.</summary>
    internal Task<Booking> CancelAsync(Act act, BookingLimits limits, CancellationToken cancel) => OnAsync(act, (tx, found, snapshot) => CancelOneAsync(tx, act, found, snapshot, limits, cancel), cancel);

    /// <summary>Frees the time of one booking in the caller's transaction.</summary>
    internal async Task<StoredBooking> CancelOneAsync(CalendarTransaction tx, Act act, StoredBooking found, CatalogueSnapshot snapshot, BookingLimits limits, CancellationToken cancel)
    {
        RequireMayGiveUp(act, found, snapshot, "cancel");
        var staff = act.Person.IsStaffOf(BookingViews.LabFor(act.Person, found, snapshot));
        if (found.State == State.Confirmed && found.Window.End <= clock.Now && (!staff || act.Reason.Length == 0))
            throw BookingErrors.WrongTime(found, "is over; lab staff can cancel it with a reason", found.Window.Start, found.Window.End);
        if (!staff && found.State == State.Confirmed && BookingRules.EvaluateCancel(clock.Now, found.Window, limits) is { Count: > 0 } violations) throw BookingErrors.Refused(violations);
        var late = !staff && await IsLateAsync(tx, found, snapshot, cancel);
        if (late) await BookingStore.MarkLateAsync(tx, found.Name, cancel);
        var cancelled = await calendar.StepAsync(tx, found, BookingStep.Cancel, act.Reason, cancel, act.Person.Name);
        if (act.Person.Name != found.Message.Holder) await audit.WriteAsync(tx, act.Person.Name, "cancel-booking", found.Name, act.Reason, "", cancel);
        return cancelled;
    }

    /// <summary>The holder may, and so may staff who say why.</summary>
    internal void RequireMayGiveUp(Act act, StoredBooking found, CatalogueSnapshot snapshot, string verb)
    {
        policy.RequireHolderOrStaff(act.Person, found.Message.Holder, BookingViews.LabFor(act.Person, found, snapshot), $"{verb} {found.Name}");
        if (act.Person.Name != found.Message.Holder && string.IsNullOrWhiteSpace(act.Reason))
            throw LabErrors.FieldsInvalid([("reason", $"is missing; say why you {verb} another's booking.")]);
    }

    /// <summary>True when giving the start up now counts as use: firm, close to its start or past it, and nothing of the lab's stands in the way.</summary>
    internal async Task<bool> IsLateAsync(CalendarTransaction tx, StoredBooking booking, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        if (booking.State != State.Confirmed || clock.Now <= booking.Window.Start - Duration.FromHours(options.LateCancelHours)) return false;
        if (options.LateCancelHours == 0) return false;
        foreach (var rig in CatalogueFacts.Of(snapshot).RigsOf(booking.Message.Channels))
            if (await Catalogue.Catalogue.IsLockedAsync(tx, rig, cancel)) return false;
        return true;
    }

    /// <summary>When a question to the owners ends: in time, and before the booking would begin.</summary>
    internal static Instant ApprovalEnd(BookingOptions options, Instant now, Domain.Time.TimeWindow window) => Instant.Min(window.Start, now + Duration.FromHours(options.ApprovalHours));

    /// <summary>Finds, checks that the caller sees it and means this version, does the work once for a request id, and shows the result.</summary>
    internal async Task<Booking> OnAsync(Act act, Func<CalendarTransaction, StoredBooking, CatalogueSnapshot, Task<StoredBooking>> work, CancellationToken cancel)
    {
        new FieldChecks().Require(act.Reason.Length <= 500, "reason", $"is {act.Reason.Length} characters long; at most 500.").ThrowIfAny();
        var snapshot = await catalogue.GetAsync(cancel);
        return await requests.OnceAsync(act.Person.Name, act.Method, act.RequestId, act.Request, Booking.Parser, async tx =>
        {
            var found = await FindAsync(tx, act, snapshot, cancel);
            var done = await work(tx, found, snapshot);
            return await SeenAsync(tx, act.Person, done, snapshot, cancel);
        }, cancel);
    }

    /// <summary>The booking locked, as its caller may act on it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND; ETAG_STALE.</exception>
    internal async Task<StoredBooking> FindAsync(CalendarTransaction tx, Act act, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var found = await BookingStore.FindAsync(tx, act.Name, forUpdate: true, cancel) ?? throw LabErrors.NotFound(act.Name);
        if (BookingViews.LevelOf(act.Person, found, snapshot, clock.Now) == ViewLevel.Hidden) throw LabErrors.NotFound(act.Name);
        if (act.Etag.Length > 0 && act.Etag != found.Message.Etag) throw LabErrors.EtagStale(found.Name);
        return found;
    }

    /// <summary>What the caller sees of it, with the owners' answers.</summary>
    internal async Task<Booking> SeenAsync(CalendarTransaction tx, Caller caller, StoredBooking booking, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var level = BookingViews.LevelOf(caller, booking, snapshot, clock.Now);
        var seen = BookingViews.At(level, booking);
        if (level == ViewLevel.Full) seen.Approvals.AddRange((await Approvals.OfAsync(tx, booking.Name, cancel)).Select(r => Approvals.Seen(r, booking, clock.Now)));
        return seen;
    }

    /// <summary>Bookings that wait for the person's answer.</summary>
    internal async Task<IReadOnlyList<Booking>> WaitingForAsync(PersonCaller person, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var labs = person.Affiliations.Where(a => a.Role == Roles.LabManager).Select(a => a.Lab).Distinct().ToList();
        return await database.ReadAsync(async tx =>
        {
            var seen = new List<Booking>();
            foreach (var name in await Approvals.WaitingAsync(tx, labs, person.Has(Roles.Coordinator), Micros.FromInstant(clock.Now), cancel))
                if (await calendar.FindAsync(tx, name, cancel) is { } found && BookingViews.LevelOf(person, found, snapshot, clock.Now) != ViewLevel.Hidden)
                    seen.Add(await SeenAsync(tx, person, found, snapshot, cancel));
            return seen;
        }, cancel);
    }

    private bool MayDecide(PersonCaller person, ApprovalRow row, StoredBooking booking) =>
        person.Manages(row.Owner) || (person.Has(Roles.Coordinator) && Approvals.IsEscalated(row, booking, clock.Now));

    // What has run out but was not swept yet is over all the same.
    private void NotOver(StoredBooking booking, BookingStep step)
    {
        if (booking.State is State.Held or State.Pending && booking.Message.ExpireTime is { } end && BookingTimes.Instant(end) <= clock.Now)
            throw BookingErrors.WrongState(booking with { Message = Expired(booking.Message) }, step);
    }

    private static Booking Expired(Booking booking)
    {
        var over = booking.Clone();
        over.State = V1.BookingState.Expired;
        return over;
    }
}
