using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Waits;

/// <summary>Puts whoever lost a booking to an outage at the head of the line, for as long again somewhere in the same lab within two weeks of the time that was lost.</summary>
internal sealed class DisplacedHolders(MachineClock clock) : IDisplaced
{
    /// <inheritdoc/>
    public async Task WaitAsync(CalendarTransaction tx, StoredBooking lost, CatalogueSnapshot catalogue, CancellationToken cancel)
    {
        var template = BookingFields.Bare(lost.Message);
        template.Channels.Clear();
        (template.Window, template.Series) = (null, "");
        var window = lost.Window;
        var wait = new Wait
        {
            Name = WaitList.NewName(),
            State = WaitState.Waiting,
            Displaced = true,
            CreateTime = BookingTimes.Stamp(clock.Now),
            Booking = template,
            Search = new SearchAvailabilityRequest
            {
                Count = lost.Message.Channels.Count,
                LengthMinutes = (int)Math.Ceiling(window.Length.TotalMinutes),
                Within = BookingTimes.Window(new Domain.Time.TimeWindow(clock.Now, window.End + Duration.FromDays(14))),
                Place = BookingViews.LabsOf(lost.Message.Channels, catalogue) is [var lab] ? lab : "",
                Presence = lost.Message.Presence,
                Headcount = lost.Message.Headcount,
                ActivityClass = lost.Message.ActivityClass,
                EducationLevel = lost.Message.EducationLevel,
            },
        };
        // A search reaches 92 days; one that was lost later is sought around its time.
        if (window.End + Duration.FromDays(14) - clock.Now > Duration.FromDays(92))
            wait.Search.Within = BookingTimes.Window(new Domain.Time.TimeWindow(window.Start - Duration.FromDays(14), window.Start + Duration.FromDays(60)));
        await WaitStore.InsertAsync(tx, new StoredWait(wait, lost.Message.Holder, lost.Organisation), Micros.FromInstant(clock.Now), cancel);
    }
}
