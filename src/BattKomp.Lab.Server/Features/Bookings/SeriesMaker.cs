using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings.Recurrence;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;
using Violation = BattKomp.Lab.Domain.Bookings.Violation;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// Books the instances of a series one by one in one transaction. All name the same resources, so that the first takes every
/// lock in order and the others find them held: no series can deadlock with another.
/// </summary>
internal sealed class SeriesMaker(BookingMaker maker, RequestLog requests, DemandSignals signals)
{
    private static readonly OffsetDateTimePattern Offset = OffsetDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mmo<+HH:mm>");

    /// <summary>What was booked and what stands against the rest.</summary>
    internal async Task<CreateSeriesResponse> CreateAsync(
        PersonCaller person, CreateSeriesRequest request, string method, IReadOnlyList<Occurrence> occurrences, Func<TimeWindow, Wish> wishOf, CancellationToken cancel,
        Func<CalendarTransaction, CreateSeriesResponse, Task>? also = null)
    {
        CreateSeriesResponse? fresh = null;
        var answer = await TryAsync();
        // A replay has signalled before.
        if (fresh is not null && !request.ValidateOnly) await SignalAsync(fresh, wishOf);
        return answer;

        async Task<CreateSeriesResponse> TryAsync()
        {
            try
            {
                return await maker.WithBackstopAsync(() => requests.OnceAsync(person.Name, method, request.RequestId, request, CreateSeriesResponse.Parser, async tx =>
                {
                    fresh = await AllAsync(tx, occurrences, wishOf, cancel);
                    var refuse = request.OnConflict != OnConflict.SkipRefused && fresh.Refused > 0;
                    // Leaving by an exception is what takes the rows back.
                    if (refuse || request.ValidateOnly) throw new TakenBackException(Bare(fresh, refuse));
                    if (also is not null) await also(tx, fresh);
                    return fresh;
                }, cancel));
            }
            catch (TakenBackException taken)
            {
                return taken.Response;
            }
        }
    }

    private async Task SignalAsync(CreateSeriesResponse response, Func<TimeWindow, Wish> wishOf)
    {
        foreach (var item in response.Items.Where(i => i.Violations.Count > 0 && i.Window is not null))
        {
            var wish = wishOf(BookingTimes.Window(item.Window));
            await signals.RefusedAsync(wish.Booking, wish.Labs, item.Violations.Select(v => v.Reason));
        }
    }

    // No names of what is gone; how many were or would be booked stays true.
    private static CreateSeriesResponse Bare(CreateSeriesResponse response, bool refused)
    {
        response.Name = "";
        if (refused) response.Booked = 0;
        foreach (var item in response.Items) item.Booking = "";
        return response;
    }

    private async Task<CreateSeriesResponse> AllAsync(CalendarTransaction tx, IReadOnlyList<Occurrence> occurrences, Func<TimeWindow, Wish> wishOf, CancellationToken cancel)
    {
        var response = new CreateSeriesResponse { Name = "series/" + Guid.CreateVersion7().ToString("N") };
        foreach (var occurrence in occurrences)
        {
            var item = new SeriesItem { Start = SeriesFields.Text(occurrence.Start) };
            response.Items.Add(item);
            if (occurrence.Window is not { } window)
            {
                item.Violations.Add(BookingErrors.ToProto(Finding(occurrence.Finding!)));
                continue;
            }
            item.Window = BookingTimes.Window(window);
            var wish = wishOf(window);
            wish.Booking.Series = response.Name;
            var outcome = await maker.CreateWithinAsync(tx, wish, cancel);
            if (outcome.Answer is { } made) item.Booking = made.Name;
            else item.Violations.AddRange(outcome.Violations.Select(BookingErrors.ToProto));
        }
        response.Booked = response.Items.Count(i => i.Booking.Length > 0);
        response.Refused = response.Items.Count - response.Booked;
        return response;
    }

    private static Violation Finding(WallTime finding) => finding switch
    {
        WallTime.Skipped s => new Violation("WALL_TIME_SKIPPED", "wall-time",
            $"The clocks jump over {SeriesFields.Text(s.Wall)}; the next time that exists is {SeriesFields.Text(s.NextValid)}. Begin then, or leave the day out with EXDATE.")
        {
            Actual = SeriesFields.Text(s.Wall),
        },
        WallTime.Twice t => new Violation("WALL_TIME_TWICE", "wall-time",
            $"{SeriesFields.Text(t.Wall)} occurs twice: {Offset.Format(t.Earlier)} and {Offset.Format(t.Later)}. Say which with when_twice EARLIER or LATER.")
        {
            Actual = SeriesFields.Text(t.Wall),
        },
        _ => throw new InvalidOperationException("an instance without a window has a finding"),
    };

    /// <summary>Carries the answer out of a transaction of which nothing is kept.</summary>
    private sealed class TakenBackException(CreateSeriesResponse response) : Exception("the series was taken back")
    {
        internal CreateSeriesResponse Response { get; } = response;
    }
}
