using BattKomp.Lab.V1;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What bookings ask of the slice that knows what is free; that slice registers it.</summary>
public interface IChannelChoice
{
    /// <summary>
    /// Channels for every part, each part on a rig of its own and all in one lab, the likeliest first; at most <paramref name="most"/> choices. What it calls free
    /// was so a moment ago.
    /// </summary>
    /// <exception cref="Platform.Errors.LabException">FIELDS_INVALID.</exception>
    Task<IReadOnlyList<IReadOnlyList<string>>> ChooseAsync(IReadOnlyList<BookingPart> parts, TimeWindow window, int most, CancellationToken cancel);
}
