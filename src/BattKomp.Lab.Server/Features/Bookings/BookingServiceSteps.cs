using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using Grpc.Core;
using Violation = BattKomp.Lab.Domain.Bookings.Violation;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The calls that move or change a booking.</summary>
public sealed partial class BookingServiceHandler
{
    /// <inheritdoc/>
    public override async Task<Booking> ConfirmBooking(ConfirmBookingRequest request, ServerCallContext context)
    {
        var act = new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag };
        return await _lifecycle.ConfirmAsync(act, await StandingAsync(act, context.CancellationToken), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<Booking> ChangeBooking(ChangeBookingRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var act = new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag, Reason = request.Reason };
        if (await ReplayAsync(act, cancel) is { } earlier) return earlier;
        var (former, catalogue) = await FormerAsync(act, "change", cancel);
        var wanted = BookingFields.Read(BookingChanger.Merged(former.Message, request.Booking, request.UpdateMask), act.Person, catalogue, _clock.Now, former.Message);
        (wanted.Series, wanted.Predecessor) = (former.Message.Series, former.Name);
        if (former.Message.CheckInTime is { } came) wanted.CheckInTime = came;
        var gathered = await _wishes.FactsAsync(act.Person, wanted, catalogue, cancel);
        var wish = _wishes.Of(act.Person, wanted, gathered, catalogue, former) with { ValidateOnly = request.ValidateOnly };
        var made = await _changer.ReplaceAsync(act, former, wish, catalogue, cancel);
        return BookingViews.WithNotices(made, catalogue, gathered.Program?.Notices(wish.Request.Window.Length, gathered.TestObject));
    }

    /// <inheritdoc/>
    public override async Task<Booking> HandOverBooking(HandOverBookingRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var act = new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag, Reason = request.Reason };
        if (await ReplayAsync(act, cancel) is { } earlier) return earlier;
        var (former, catalogue) = await FormerAsync(act, "hand over", cancel);
        if (_clock.Now >= former.Window.Start) throw BookingErrors.WrongTime(former, "has begun, and is handed over before that only", former.Window.Start, former.Window.Start);
        var to = await _database.ReadAsync(tx => BookingStore.ReceiverAsync(tx, request.Affiliation, _clock.Now, cancel), cancel);
        new FieldChecks().Require(to is { } r && r.Role != Roles.Coordinator, "affiliation", "names no affiliation in force of a person who may use rigs; ask the person for theirs.").ThrowIfAny();
        var wanted = BookingFields.Read(former.Message.Clone(), act.Person, catalogue, _clock.Now, former.Message);
        (wanted.Series, wanted.Predecessor, wanted.Holder, wanted.Affiliation, wanted.StateReason) = (former.Message.Series, former.Name, to!.Value.Person, request.Affiliation, "");
        var gathered = await _wishes.FactsAsync(act.Person, wanted, catalogue, cancel);
        var wish = _wishes.Of(act.Person, wanted, gathered, catalogue, former, organisation: to.Value.Organisation);
        return await _changer.ReplaceAsync(act, former, wish, catalogue, cancel);
    }

    /// <inheritdoc/>
    public override Task<Booking> CheckIn(CheckInRequest request, ServerCallContext context) =>
        _lifecycle.CheckInAsync(new Act(context.Person(), request.Name, context.Method, request, request.RequestId), context.CancellationToken);

    /// <inheritdoc/>
    public override Task<Booking> ReleaseBooking(ReleaseBookingRequest request, ServerCallContext context) =>
        _lifecycle.ReleaseAsync(new Act(context.Person(), request.Name, context.Method, request, request.RequestId), context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<Booking> CancelBooking(CancelBookingRequest request, ServerCallContext context)
    {
        var (catalogue, cancel) = (await _catalogue.GetAsync(context.CancellationToken), context.CancellationToken);
        var message = (await _calendar.FindAsync(request.Name, cancel) ?? throw LabErrors.NotFound(request.Name)).Message;
        var limits = (await _policies.OverAsync(message.Channels, message.ActivityClass, catalogue, cancel)).Limits;
        return await _lifecycle.CancelAsync(new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag, Reason = request.Reason }, limits, cancel);
    }

    /// <inheritdoc/>
    public override async Task<Booking> ApproveBooking(ApproveBookingRequest request, ServerCallContext context)
    {
        var act = new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag, Reason = request.Reason };
        return await _lifecycle.DecideAsync(act, Decision.Approved, await StandingAsync(act, context.CancellationToken), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<Booking> DeclineBooking(DeclineBookingRequest request, ServerCallContext context)
    {
        new FieldChecks().Require(!string.IsNullOrWhiteSpace(request.Reason), "reason", "is missing; tell the holder why.").ThrowIfAny();
        return _lifecycle.DecideAsync(
            new Act(context.Person(), request.Name, context.Method, request, request.RequestId) { Etag = request.Etag, Reason = request.Reason }, Decision.Declined,
            _ => Task.FromResult<IReadOnlyList<Violation>>([]), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<ListApprovalsResponse> ListApprovals(ListApprovalsRequest request, ServerCallContext context) =>
        new() { Bookings = { await _lifecycle.WaitingForAsync(context.Person(), context.CancellationToken) } };

    /// <inheritdoc/>
    public override async Task<Series> GetSeries(GetSeriesRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var catalogue = await _catalogue.GetAsync(cancel);
        var rows = await _database.ReadAsync(tx => BookingStore.OfSeriesAsync(tx, request.Name, forUpdate: false, cancel), cancel);
        var seen = rows.Where(r => request.IncludeEnded || BookingStates.Occupies(r.State) || r.State is Domain.Bookings.BookingState.Completed)
            .Select(r => (Row: r, Level: BookingViews.LevelOf(context.Caller(), r, catalogue, _clock.Now))).Where(r => r.Level != ViewLevel.Hidden).Take(400).ToList();
        if (rows.Count == 0 || rows.All(r => BookingViews.LevelOf(context.Caller(), r, catalogue, _clock.Now) == ViewLevel.Hidden)) throw LabErrors.NotFound(request.Name);
        return new Series { Name = request.Name, Bookings = { seen.Select(r => BookingViews.At(r.Level, r.Row)) } };
    }

    /// <inheritdoc/>
    public override async Task<Series> CancelSeries(CancelSeriesRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        new FieldChecks().Require(request.Reason.Length <= 500, "reason", $"is {request.Reason.Length} characters long; at most 500.").ThrowIfAny();
        var catalogue = await _catalogue.GetAsync(cancel);
        return await _requests.OnceAsync(person.Name, context.Method, request.RequestId, request, Series.Parser, async tx =>
        {
            var rows = (await BookingStore.OfSeriesAsync(tx, request.Name, forUpdate: true, cancel)).Where(r => BookingViews.LevelOf(person, r, catalogue, _clock.Now) != ViewLevel.Hidden).ToList();
            if (rows.Count == 0) throw LabErrors.NotFound(request.Name);
            var first = request.From.Length == 0 ? rows[0] : rows.FirstOrDefault(r => r.Name == request.From) ?? throw LabErrors.FieldsInvalid([("from", $"is no instance of {request.Name}.")]);
            var answer = new Series { Name = request.Name };
            foreach (var row in rows.Where(r => r.Window.Start >= first.Window.Start && r.Window.Start > _clock.Now && BookingStates.After(r.State, BookingStep.Cancel) is not null))
            {
                var act = new Act(person, row.Name, context.Method, request, "") { Reason = request.Reason };
                var limits = (await _policies.OverAsync(row.Message.Channels, row.Message.ActivityClass, catalogue, cancel)).Limits;
                var cancelled = await _lifecycle.CancelOneAsync(tx, act, row, catalogue, limits, cancel);
                answer.Bookings.Add(BookingViews.At(BookingViews.LevelOf(person, cancelled, catalogue, _clock.Now), cancelled));
            }
            return answer;
        }, cancel);
    }

    private const int MostChoices = 24;

    // What was chosen may be taken by the time it is asked for, or refused by a rule of its rig; then the next choice is asked for.
    private async Task<Booking> CreateAnyAsync(CreateBookingRequest request, ServerCallContext context)
    {
        var (person, cancel) = (context.Person(), context.CancellationToken);
        if (await ReplayAsync(new Act(person, "", context.Method, request, request.RequestId), cancel) is { } earlier) return earlier;
        var checks = new FieldChecks().Require(request.Booking is { Channels.Count: 0 }, "booking.channels", "are named beside `any`; use one of the two.");
        var window = BookingFields.Window(checks, request.Booking?.Window, "booking.window");
        checks.ThrowIfAny();
        var catalogue = await _catalogue.GetAsync(cancel);
        var (tried, choice) = (new HashSet<string>(), _services.GetRequiredService<IChannelChoice>());
        LabException? last = null;
        while (tried.Count < MostChoices)
        {
            // Looked at anew after every refusal: in a rush somebody else has taken what was free a moment ago.
            var next = (await choice.ChooseAsync(request.Any, window!.Value, MostChoices, cancel)).FirstOrDefault(channels => tried.Add(string.Join('\n', channels)));
            if (next is null) break;
            var asked = request.Booking!.Clone();
            asked.Channels.AddRange(next);
            var booking = BookingFields.Read(asked, person, catalogue, _clock.Now);
            var gathered = await _wishes.FactsAsync(person, booking, catalogue, cancel);
            var wish = _wishes.Of(person, booking, gathered, catalogue, holdMinutes: request.HoldMinutes) with
            {
                Method = context.Method,
                RequestId = request.RequestId,
                Content = RequestLog.ContentHash(context.Method, request),
                ValidateOnly = request.ValidateOnly,
                IsOneOfSeveral = true,
            };
            try
            {
                return BookingViews.WithNotices(await _maker.CreateAsync(wish, cancel), catalogue);
            }
            catch (LabException refused) when (refused.Reason is Reason.BookingRefused)
            {
                last = refused;
            }
        }
        if (!request.ValidateOnly) await _services.GetRequiredService<DemandSignals>().RefusedAsync(request.Booking!, [], last is null ? ["NO_CHOICE"] : ["ALL_CHOICES_REFUSED"]);
        throw last ?? BookingErrors.Refused([new Violation("NO_CHOICE", "any", "No lab has free in this window what all parts ask for. Search for another time, or ask for less.")]);
    }

    // A replay is answered before the booking is looked at: by now it is over, since its successor took its place.
    private Task<Booking?> ReplayAsync(Act act, CancellationToken cancel)
    {
        CheckRequestId(act.RequestId);
        return act.RequestId.Length == 0
            ? Task.FromResult<Booking?>(null)
            : _database.ReadAsync(tx => _requests.FindAsync(tx, act.Person.Name, act.RequestId, RequestContent(act), Booking.Parser, cancel), cancel);
    }

    private static string RequestContent(Act act) => Platform.Idempotency.RequestLog.ContentHash(act.Method, act.Request);

    private async Task<(StoredBooking Former, CatalogueSnapshot Catalogue)> FormerAsync(Act act, string verb, CancellationToken cancel)
    {
        new FieldChecks().Require(act.Reason.Length <= 500, "reason", $"is {act.Reason.Length} characters long; at most 500.").ThrowIfAny();
        var catalogue = await _catalogue.GetAsync(cancel);
        var found = await _database.ReadAsync(tx => _lifecycle.FindAsync(tx, act, catalogue, cancel), cancel);
        _lifecycle.RequireMayGiveUp(act, found, catalogue, verb);
        if (BookingStates.After(found.State, BookingStep.Replace) is null) throw BookingErrors.WrongState(found, BookingStep.Replace);
        return (found, catalogue);
    }

    // What must still hold when a booking becomes firm. A cell test that the one who decides may not see was judged when the time was taken.
    private async Task<Standing> StandingAsync(Act act, CancellationToken cancel)
    {
        var catalogue = await _catalogue.GetAsync(cancel);
        if (await _calendar.FindAsync(act.Name, cancel) is not { Message: var message }) throw LabErrors.NotFound(act.Name);
        var testObject = message.CellTest.Length > 0 && _runs is not null ? await _runs.TestObjectAsync(act.Person, message.CellTest, cancel) : null;
        var program = message.Procedure.Length > 0 && _runs is not null ? await _runs.ProgramAsync(act.Person, message.Procedure, cancel) : null;
        var (known, policies) = (CatalogueFacts.Of(catalogue), await _policies.OverAsync(message.Channels, message.ActivityClass, catalogue, cancel));
        var facts = await _sources.AddAsync(known.Under(known.For(message.Channels, _options.Limits(), testObject, program), policies, BookingTimes.Instant(message.Window.Start)), message, cancel);
        return async tx =>
        {
            var locked = new HashSet<string>();
            foreach (var rig in CatalogueFacts.Of(catalogue).RigsOf(message.Channels))
                if (await Catalogue.Catalogue.IsLockedAsync(tx, rig, cancel)) locked.Add(rig);
            return BookingRules.EvaluateStanding(_clock.Now, RequestOf(message), CatalogueFacts.WithLocks(facts, locked));
        };
    }
}
