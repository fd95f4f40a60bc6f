using System.Security.Cryptography;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings.Classes;
using BattKomp.Lab.Domain.Bookings.Recurrence;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Calendars;

namespace BattKomp.Lab.Server.Features.Classes;

/// <summary>Books classes, and seats pupils.</summary>
internal sealed class ClassBlocks(CalendarDatabase database, Catalogue.Catalogue catalogue, SeriesMaker series, Wishes wishes, MachineClock clock)
{
    // No letter or digit that another is taken for on a blackboard.
    private const string CodeLetters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    private static readonly LocalTime OpensAt = new(9, 0);

    internal async Task<CreateClassBlockResponse> CreateAsync(PersonCaller person, CreateClassBlockRequest request, string method, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var block = Read(request.ClassBlock);
        var asked = new CreateSeriesRequest
        {
            Booking = block.Booking.Clone(),
            FirstStart = block.FirstStart,
            WallMinutes = block.WallMinutes,
            Rrule = block.Rrule.Length > 0 ? block.Rrule : "FREQ=DAILY;COUNT=1",
            OnConflict = OnConflict.RefuseAll,
            RequestId = request.RequestId,
            ValidateOnly = request.ValidateOnly,
        };
        asked.Booking.Channels.AddRange(block.Benches.SelectMany(b => b.Channels));
        var occurrences = SeriesFields.Read(asked, snapshot);
        var first = asked.Booking.Clone();
        first.Window = BookingTimes.Window(occurrences.Select(o => o.Window).FirstOrDefault(w => w is not null) ?? new Domain.Time.TimeWindow(clock.Now, clock.Now + Duration.FromMinutes(1)));
        var booking = BookingFields.Read(first, person, snapshot, clock.Now);
        var gathered = await wishes.FactsAsync(person, booking, snapshot, cancel);
        var made = await series.CreateAsync(person, asked, method, occurrences, window =>
        {
            var one = booking.Clone();
            one.Window = BookingTimes.Window(window);
            return wishes.Of(person, one, gathered, snapshot);
        }, cancel, (tx, answer) => KeepAsync(tx, person, block, answer, occurrences, snapshot, cancel));
        var response = new CreateClassBlockResponse { Items = { made.Items } };
        if (made.Name.Length > 0) response.ClassBlock = await database.ReadAsync(async tx => await SeenAsync(tx, (await ClassStore.FindAsync(tx, "series", made.Name, forUpdate: false, cancel))!, cancel), cancel);
        return response;
    }

    internal async Task<CreateClassBlockResponse> CopyAsync(PersonCaller person, CopyClassBlockRequest request, string method, CancellationToken cancel)
    {
        var former = await GetAsync(person, request.Name, cancel);
        var weeks = request.IsoYear is >= 2000 and <= 2199 ? WeekYearRules.Iso.GetWeeksInWeekYear(request.IsoYear) : 0;
        new FieldChecks().Require(weeks > 0, "iso_year", "must be 2000 to 2199.").Require(weeks == 0 || (request.IsoWeek >= 1 && request.IsoWeek <= weeks), "iso_week", $"must be 1 to {weeks}.")
            .Require(request.Rrule.Length > 0 || !(former.Rrule.Contains("UNTIL", StringComparison.OrdinalIgnoreCase) || former.Rrule.Contains("EXDATE", StringComparison.OrdinalIgnoreCase)), "rrule",
                "is missing; the class ended at a date or left dates out, which are other dates in another year.").ThrowIfAny();
        var start = NodaTime.Text.LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm").Parse(former.FirstStart).Value;
        var copy = former.Clone();
        (copy.Name, copy.Series, copy.JoinCode, copy.JoinOpenTime) = ("", "", "", null);
        copy.Taken.Clear();
        copy.FirstStart = SeriesFields.Text(LocalDate.FromWeekYearWeekAndDay(request.IsoYear, request.IsoWeek, start.DayOfWeek) + start.TimeOfDay);
        if (request.Rrule.Length > 0) copy.Rrule = request.Rrule;
        return await CreateAsync(person, new CreateClassBlockRequest { ClassBlock = copy, RequestId = request.RequestId, ValidateOnly = request.ValidateOnly }, method, cancel);
    }

    /// <exception cref="LabException">RESOURCE_NOT_FOUND for all but its holder and the staff of its lab.</exception>
    internal async Task<ClassBlock> GetAsync(PersonCaller person, string name, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        return await database.ReadAsync(async tx =>
        {
            var found = await ClassStore.FindAsync(tx, "name", name, forUpdate: false, cancel);
            var mine = found is not null && (found.Holder == person.Name || BookingViews.LabsOf(found.Message.Benches.SelectMany(b => b.Channels), snapshot).Any(person.IsStaffOf));
            return mine ? await SeenAsync(tx, found!, cancel) : throw LabErrors.NotFound(name);
        }, cancel);
    }

    internal Task<ClassSeat> JoinAsync(JoinClassRequest request, CancellationToken cancel)
    {
        new FieldChecks().Require(request.Code.Trim().Length is >= 1 and <= 40, "code", "is missing; the teacher has it.").Require(request.Alias.Trim().Length is >= 1 and <= 40 && !request.Alias.Any(char.IsControl), "alias", "must be 1 to 40 characters on one line.").ThrowIfAny();
        return database.WriteAsync(async tx =>
        {
            var found = await ClassStore.FindAsync(tx, "code", request.Code.Trim().ToUpperInvariant(), forUpdate: true, cancel) ?? throw LabErrors.NotFound("the class of this code");
            var now = Micros.FromInstant(clock.Now);
            var seats = await ClassStore.SeatsAsync(tx, found.Message.Name, cancel);
            if (seats.FirstOrDefault(s => s.Alias == request.Alias.Trim()) is { } mine) return mine;
            if (now < found.OpensUs) throw Closed($"Seats are taken from {Domain.Bookings.Sentences.Of(Micros.ToInstant(found.OpensUs))}; come back then.", "NOT_OPEN");
            if (now >= found.ClosesUs) throw Closed("The class is over.", "OVER");
            if (seats.Count >= found.Message.Seats) throw Closed($"All {found.Message.Seats} seats are taken. Ask the teacher.", "FULL");
            var seat = new ClassSeat
            {
                Alias = request.Alias.Trim(),
                Group = 1 + Rotation.NextGroup([.. Enumerable.Range(1, found.Message.Groups).Select(g => seats.Count(s => s.Group == g))]),
                JoinTime = BookingTimes.Stamp(now),
            };
            await ClassStore.SeatAsync(tx, found.Message.Name, seat, now, cancel);
            return seat;
        }, cancel);
    }

    internal Task<ClassPlan> PlanAsync(GetClassPlanRequest request, CancellationToken cancel)
    {
        new FieldChecks().Require(request.Code.Trim().Length is >= 1 and <= 40, "code", "is missing; the teacher has it.").Require(request.Alias.Trim().Length is >= 1 and <= 40, "alias", "is missing; say under which you joined.").ThrowIfAny();
        return database.ReadAsync(tx => PlanAsync(tx, request, cancel), cancel);
    }

    private async Task<ClassPlan> PlanAsync(CalendarTransaction tx, GetClassPlanRequest request, CancellationToken cancel)
    {
        var found = await ClassStore.FindAsync(tx, "code", request.Code.Trim().ToUpperInvariant(), forUpdate: false, cancel);
        var seat = found is null ? null : (await ClassStore.SeatsAsync(tx, found.Message.Name, cancel)).FirstOrDefault(s => s.Alias == request.Alias.Trim());
        if (found is null || seat is null) throw LabErrors.NotFound("a seat of this code and alias");
        var (block, plan) = (found.Message, new ClassPlan { Group = seat.Group });
        for (var period = 0; period < Rotation.Periods(block.WallMinutes, block.RotationMinutes); period++)
            plan.Stops.Add(new PlanStop { FromMinute = period * block.RotationMinutes, Bench = block.Benches[Rotation.BenchOf(seat.Group - 1, period, block.Benches.Count)].Title });
        var zone = (await catalogue.GetAsync(cancel)).LabOf(block.Benches[0].Channels[0])?.TimeZone ?? "Etc/UTC";
        foreach (var lesson in await BookingStore.OfSeriesAsync(tx, block.Series, forUpdate: false, cancel))
            if (Domain.Bookings.BookingStates.Occupies(lesson.State)) plan.Lessons.Add(SeriesFields.Text(lesson.Window.Start.InZone(DateTimeZoneProviders.Tzdb[zone]).LocalDateTime));
        return plan;
    }

    private async Task KeepAsync(CalendarTransaction tx, PersonCaller person, ClassBlock block, CreateSeriesResponse made, IReadOnlyList<Occurrence> occurrences, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var kept = block.Clone();
        var zone = DateTimeZoneProviders.Tzdb[snapshot.LabOf(block.Benches[0].Channels[0])!.TimeZone];
        var windows = occurrences.Select(o => o.Window!.Value).ToList();
        // 09:00 of that day on the lab's wall, whatever the clocks do in between.
        var opens = (windows[0].Start.InZone(zone).Date.PlusDays(-kept.JoinOpensDays) + OpensAt).InZoneLeniently(zone).ToInstant();
        (kept.Name, kept.Series, kept.JoinCode, kept.JoinOpenTime) = ("classBlocks/" + Guid.CreateVersion7().ToString("N"), made.Name, RandomNumberGenerator.GetString(CodeLetters, 10), BookingTimes.Stamp(opens));
        await ClassStore.InsertAsync(tx, new StoredClass(kept, person.Name, Micros.FromInstant(opens), Micros.FromInstant(windows.Max(w => w.End))), Micros.FromInstant(clock.Now), cancel);
    }

    private static async Task<ClassBlock> SeenAsync(CalendarTransaction tx, StoredClass found, CancellationToken cancel)
    {
        var seen = found.Message.Clone();
        seen.Taken.AddRange(await ClassStore.SeatsAsync(tx, seen.Name, cancel));
        return seen;
    }

    private static ClassBlock Read(ClassBlock? asked)
    {
        var block = (asked ?? new ClassBlock()).Clone();
        block.Booking ??= new Booking();
        if (block.Groups == 0) block.Groups = block.Benches.Count;
        if (block.JoinOpensDays == 0) block.JoinOpensDays = 14;
        var channels = block.Benches.SelectMany(b => b.Channels).ToList();
        new FieldChecks().Require(block.Benches.Count is >= 1 and <= 64, "class_block.benches", $"are {block.Benches.Count}; use 1 to 64.")
            .Require(block.Benches.All(b => b.Title.Trim().Length is >= 1 and <= 60 && b.Channels.Count > 0), "class_block.benches", "need a title of 1 to 60 characters and at least one channel each.")
            .Require(channels.Count == channels.Distinct().Count(), "class_block.benches", "share a channel; each bench has its own.")
            .Require(block.Booking.Channels.Count == 0 && block.Booking.Window is null, "class_block.booking", "names channels or a window; benches and first_start say those.")
            .Require(block.Booking.Cohort.Length > 0, "class_block.booking.cohort", "is missing; say whose class it is.")
            .Require(block.Groups >= 1 && block.Groups <= Math.Max(1, block.Benches.Count), "class_block.groups", $"are {block.Groups}; use 1 to the number of benches, or two groups would meet at one.")
            .Require(block.RotationMinutes >= 0 && block.RotationMinutes <= Math.Max(0, block.WallMinutes), "class_block.rotation_minutes", "must be 0 to the length of the lesson.")
            .Require(block.Seats is >= 1 and <= 500, "class_block.seats", $"are {block.Seats}; use 1 to 500.")
            .Require(block.JoinOpensDays is >= 1 and <= 365, "class_block.join_opens_days", "must be 1 to 365, or 0 for 14.")
            .Require(block.GroupId.Length <= 200 && !block.GroupId.Any(char.IsControl), "class_block.group_id", "is longer than 200 characters or holds control characters.").ThrowIfAny();
        (block.Name, block.Series, block.JoinCode, block.JoinOpenTime) = ("", "", "", null);
        block.Taken.Clear();
        return block;
    }

    private static LabException Closed(string message, string state) => new(Reason.WrongState, message) { Metadata = { ["state"] = state, ["allowed"] = "OPEN" } };
}
