using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>Makes wishes of bookings that were checked for form: what the rules must know, who must agree, where it will stand.</summary>
internal sealed class Wishes(BookingOptions options, Policies.Policies policies, IEnumerable<IFactSource> sources, IServiceProvider services, MachineClock clock)
{
    // Only where the slice of runs is present.
    private readonly IRunFacts? _runs = services.GetService<IRunFacts>();

    /// <summary>What was found out for a booking.</summary>
    internal sealed record Gathered(BookingFacts Facts, TestObjectFacts? TestObject, ProgramFacts? Program, PolicySet Policies);

    /// <summary>What the rules need to know of a booking that was checked for form.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when its cell test is hidden from the person.</exception>
    internal async Task<Gathered> FactsAsync(PersonCaller person, Booking booking, CatalogueSnapshot catalogue, CancellationToken cancel)
    {
        var testObject = booking.CellTest.Length > 0 && _runs is not null
            ? await _runs.TestObjectAsync(person, booking.CellTest, cancel)
              ?? throw LabErrors.FieldsInvalid([("booking.cell_test", $"names '{booking.CellTest}', which does not exist or is hidden from you; create it first or leave the field empty.")])
            : null;
        var program = booking.Procedure.Length > 0 && _runs is not null ? await _runs.ProgramAsync(person, booking.Procedure, cancel) : null;
        var set = await policies.OverAsync(booking.Channels, booking.ActivityClass, catalogue, cancel);
        var known = CatalogueFacts.Of(catalogue);
        var facts = known.Under(known.For(booking.Channels, options.Limits(), testObject, program), set, BookingTimes.Instant(booking.Window.Start));
        return new Gathered(await sources.AddAsync(facts, booking, cancel), testObject, program, set);
    }

    /// <summary>A wish that is kept and has no request id of its own; a single create says otherwise.</summary>
    internal Wish Of(PersonCaller person, Booking booking, Gathered gathered, CatalogueSnapshot catalogue, StoredBooking? former = null, int holdMinutes = 0, string organisation = "")
    {
        var asks = Approvals.Needed(person, booking.Channels, catalogue);
        BookingChanger.Stand(booking, former, holdMinutes, asks.Count > 0, options, clock.Now);
        if (organisation.Length == 0) organisation = former?.Organisation ?? person.Affiliations.First(a => a.Name == booking.Affiliation).Organisation;
        var request = BookingServiceHandler.RequestOf(booking) with { Former = former?.Window, Hold = holdMinutes > 0 };
        return new Wish(person, organisation, booking, request, gathered.Facts, CatalogueFacts.Of(catalogue).RigsOf(booking.Channels), BookingViews.LabsOf(booking.Channels, catalogue))
        {
            Method = "",
            RequestId = "",
            Content = "",
            ValidateOnly = false,
            AsksLabs = asks,
            Policies = gathered.Policies,
            Catalogue = CatalogueFacts.Of(catalogue),
        };
    }
}
