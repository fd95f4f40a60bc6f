using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.V1;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>When a rig can be booked at all, as the booking rules judge it: opening hours, closures and public holidays of its lab.</summary>
public sealed class OpenTimes(Policies.Policies policies, BookingOptions options)
{
    /// <summary>The open stretches of the window, in order; under the policies in force now.</summary>
    public async Task<IReadOnlyList<TimeWindow>> OfAsync(Rig rig, TimeWindow window, CatalogueSnapshot catalogue, CancellationToken cancel)
    {
        var channels = rig.Channels.Select(c => c.Name).ToList();
        var facts = CatalogueFacts.Of(catalogue);
        var under = facts.Under(facts.For(channels, options.Limits(), null), await policies.OverAsync(channels, "", catalogue, cancel), window.Start);
        return under.Labs.TryGetValue(rig.Lab, out var lab) ? OpeningTimes.In(lab, window) : [window];
    }
}
