using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>One thing that stands against a lease.</summary>
/// <param name="OfHolder">The holder lacks something: the lab is not to blame for the time that passes.</param>
/// <param name="Text">As a sentence.</param>
public sealed record RefusalAtStart(bool OfHolder, string Text);

/// <summary>The rules that are asked again when a booking is about to start, because people and papers change between the two.</summary>
public sealed class BookingAtStart(Catalogue.Catalogue catalogue, TestObjects testObjects, BookingOptions options, IEnumerable<IFactSource> sources, MachineClock clock)
{
    /// <summary>
    /// What stands against a lease for what is left of the booking, as sentences; none = it may be issued. They name the rule and the rig only: the booking's reason
    /// is read by all who see the booking, and what a person is qualified for is the person's and the lab's.
    /// </summary>
    /// <param name="booking">As stored.</param>
    /// <param name="testObject">testObjects/… of its cell test; empty = it names none.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<IReadOnlyList<RefusalAtStart>> RefusalsAsync(StoredBooking booking, string testObject, CancellationToken cancel)
    {
        var now = clock.Now;
        if (booking.Window.End <= now) return [];
        var known = CatalogueFacts.Of(await catalogue.GetAsync(cancel));
        var cell = testObject.Length > 0 && await testObjects.FindAsync(testObject, cancel) is { } found ? new TestObjectFacts(found.Name, found.HazardClass, found.NominalWattHour) : null;
        var facts = await sources.AddAsync(known.For(booking.Message.Channels, options.Limits(), cell), booking.Message, cancel);
        return [.. BookingRules.EvaluateAtStart(now, BookingServiceHandler.RequestOf(booking.Message), facts)
            .Select(v => new RefusalAtStart(v.Rule == QualificationRule.Name, $"{v.Reason} for {v.Resource}; the holder and the lab can see why, and mend it"))];
    }
}
