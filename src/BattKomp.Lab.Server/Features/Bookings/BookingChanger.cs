using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using NodaTime;
using Duration = NodaTime.Duration;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// Changes of a booking: a successor row takes its place in one transaction. The old row gives its time up before the new one is judged, under the
/// locks of both, so that a booking never stands in its own way and nobody else can slip in between; a refusal takes everything back.
/// </summary>
internal sealed class BookingChanger(
    BookingMaker maker, BookingLifecycle lifecycle, BookingCalendar calendar, RequestLog requests, Audit audit, IBookingNews news, IServiceProvider services,
    MachineClock clock)
{
    private static readonly string[] Changeable =
    [
        "window", "channels", "title", "purpose", "activity_class", "education_level", "stages", "headcount", "young_people", "presence", "project", "module", "cohort", "cell_test", "procedure", "state_reason",
    ];

    // Where a cell is already on the rig, only how long and under what name may change.
    private static readonly string[] ChangeableOnceBegun = ["window", "title", "state_reason"];

    /// <summary>The booking's message with the masked fields of <paramref name="wanted"/>.</summary>
    /// <exception cref="LabException">FIELDS_INVALID.</exception>
    internal static Booking Merged(Booking former, Booking? wanted, FieldMask? mask)
    {
        var paths = mask?.Paths.ToList() ?? [];
        new FieldChecks()
            .Require(paths.Count > 0, "update_mask", $"is empty; name what changes, of {string.Join(", ", Changeable)}.")
            .Require(paths.All(Changeable.Contains), "update_mask", $"names {string.Join(", ", paths.Except(Changeable).Take(5))}, which cannot be changed; use {string.Join(", ", Changeable)}.")
            .ThrowIfAny();
        var merged = former.Clone();
        if (!paths.Contains("state_reason")) merged.StateReason = "";
        FieldMask.FromStringEnumerable<Booking>(paths).Merge(wanted ?? new Booking(), merged,
            new FieldMask.MergeOptions { ReplaceMessageFields = true, ReplacePrimitiveFields = true, ReplaceRepeatedFields = true });
        return merged;
    }

    /// <summary>Puts the successor in the booking's place.</summary>
    /// <param name="act">Who asks what.</param>
    /// <param name="former">The booking as read before; another version by now is ETAG_STALE.</param>
    /// <param name="wish">The successor, checked for form.</param>
    /// <param name="snapshot">Rigs and labs.</param>
    /// <param name="cancel">Ends the wait.</param>
    internal async Task<Booking> ReplaceAsync(Act act, StoredBooking former, Wish wish, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        if (BookingStates.After(former.State, BookingStep.Replace) is null) throw BookingErrors.WrongState(former, BookingStep.Replace);
        if (clock.Now >= former.Window.Start) OnlyTheEnd(former, wish);
        try
        {
            var made = await maker.WithBackstopAsync(() => requests.OnceAsync(act.Person.Name, act.Method, act.RequestId, act.Request, Booking.Parser, tx => WithinAsync(tx, act, former, wish, snapshot, cancel), cancel));
            services.GetService<ILeasesOfBookings>()?.Wake();
            return made;
        }
        catch (TakenBackException taken)
        {
            return taken.Seen ?? throw await maker.RefusedAsync(wish, taken.Outcome, former.Name, cancel);
        }
    }

    private async Task<Booking> WithinAsync(CalendarTransaction tx, Act act, StoredBooking former, Wish wish, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        IReadOnlyList<string> channels = [.. former.Message.Channels.Union(wish.Request.Channels)];
        await maker.LockAsync(tx, act.Person.Name, channels, wish.Guards(QuotaPlan.Of(wish.Booking, wish.Organisation, wish.Policies, clock.Now)), wish.Request.Window, cancel);
        var found = await lifecycle.FindAsync(tx, act, snapshot, cancel);
        if (found.Version != former.Version) throw LabErrors.EtagStale(found.Name);
        var later = wish.Request.Window.Start > found.Window.Start || !found.Message.Channels.All(wish.Request.Channels.Contains);
        var staff = act.Person.IsStaffOf(BookingViews.LabFor(act.Person, found, snapshot));
        if (later && !staff && await lifecycle.IsLateAsync(tx, found, snapshot, cancel)) await BookingStore.MarkLateAsync(tx, found.Name, cancel);
        await calendar.StepAsync(tx, found, BookingStep.Replace, act.Reason.Length > 0 ? act.Reason : "changed", cancel, act.Person.Name);
        var outcome = await maker.CreateWithinAsync(tx, wish, cancel);
        if (outcome.Answer is not { } made) throw new TakenBackException(outcome, null);
        await BookingStore.SucceedAsync(tx, found.Name, made.Name, cancel);
        var successor = (await calendar.FindAsync(tx, made.Name, cancel))!;
        if (SameUse(found.Message, made) && services.GetService<ILeasesOfBookings>() is { } leases) await leases.FollowAsync(tx, found.Name, successor, cancel);
        if (act.Person.Name != found.Message.Holder) await audit.WriteAsync(tx, act.Person.Name, "change-booking", found.Name, act.Reason, made.Name, cancel);
        await news.ChangedAsync(tx, found, successor, act.Person.Name, act.Reason, cancel);
        var seen = await lifecycle.SeenAsync(tx, act.Person, successor, snapshot, cancel);
        if (!wish.ValidateOnly) return seen;
        seen.Name = seen.Etag = "";
        throw new TakenBackException(outcome, seen);
    }

    /// <summary>The state of a new or changed booking, and when it ends by itself if it is not firm.</summary>
    internal static void Stand(Booking wanted, StoredBooking? former, int holdMinutes, bool asks, BookingOptions options, Instant now)
    {
        (wanted.State, wanted.ExpireTime) = former?.State switch
        {
            State.Running => (V1.BookingState.Running, null),
            State.Held => (V1.BookingState.Held, former.Message.ExpireTime),
            _ when holdMinutes > 0 => (V1.BookingState.Held, BookingTimes.Stamp(now + Duration.FromMinutes(holdMinutes))),
            // A firm booking that has begun stays firm: there is nobody left to ask in time.
            State.Confirmed when former.Window.Start <= now => (V1.BookingState.Confirmed, null),
            _ when asks => (V1.BookingState.Pending, BookingTimes.Stamp(BookingLifecycle.ApprovalEnd(options, now, BookingTimes.Window(wanted.Window)))),
            _ => (V1.BookingState.Confirmed, null),
        };
    }

    // A lease that is out stands for the same channels, holder, procedure and start; only its end moves.
    private static bool SameUse(Booking a, Booking b) =>
        a.Channels.Order(StringComparer.Ordinal).SequenceEqual(b.Channels.Order(StringComparer.Ordinal)) && a.Window.Start.Equals(b.Window.Start) && a.Holder == b.Holder && a.Procedure == b.Procedure && a.CellTest == b.CellTest;

    private void OnlyTheEnd(StoredBooking former, Wish wish)
    {
        var same = wish.Booking.Clone();
        (same.Window, same.Title, same.StateReason) = (former.Message.Window, former.Message.Title, former.Message.StateReason);
        var kept = BookingFields.Bare(former.Message);
        if (!BookingFields.Bare(same).Equals(kept) || wish.Request.Window.Start != former.Window.Start)
            throw BookingErrors.WrongTime(former, $"has begun; only {string.Join(", ", ChangeableOnceBegun)} may change now, and not the start", former.Window.Start, former.Window.End);
    }

    /// <summary>Carries the outcome out of a transaction of which nothing is kept.</summary>
    private sealed class TakenBackException(Outcome<Booking> outcome, Booking? seen) : Exception("the change was taken back")
    {
        internal Outcome<Booking> Outcome { get; } = outcome;

        internal Booking? Seen { get; } = seen;
    }
}
