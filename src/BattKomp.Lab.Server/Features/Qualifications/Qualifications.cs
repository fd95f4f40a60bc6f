using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.V1;
using Known = BattKomp.Lab.Domain.Qualifications.Qualification;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>Registers the slice.</summary>
public static class QualificationsFeature
{
    /// <summary>Qualifications, their sweep and their handler.</summary>
    public static IServiceCollection AddQualifications(this IServiceCollection services) => services
        .AddSingleton<Qualifications>().AddSingleton<IFactSource>(provider => provider.GetRequiredService<Qualifications>())
        .AddSweep<QualificationLapse>().AddSingleton<QualificationServiceHandler>();
}

/// <summary>Who is qualified for what. The slice's one public interface; the rules ask it through <see cref="IFactSource"/>.</summary>
public sealed class Qualifications(CalendarDatabase database, Catalogue.Catalogue catalogue) : IFactSource
{
    /// <inheritdoc/>
    public async Task<BookingFacts> AddAsync(BookingFacts facts, Booking booking, CancellationToken cancel)
    {
        if (facts.RigOfChannel.Values.All(r => r.Needs is null)) return facts;
        var snapshot = await catalogue.GetAsync(cancel);
        return await database.ReadAsync(async tx =>
        {
            var held = new List<Known>();
            foreach (var row in await QualificationStore.OfPersonAsync(tx, booking.Holder, cancel)) held.Add(await KnownAsync(tx, row, snapshot, cancel));
            return facts with { Qualifications = held };
        }, cancel);
    }

    /// <summary>Who may see a qualification: its holder, its lab, and of a national one every lab and the coordinators.</summary>
    internal static bool Sees(PersonCaller person, V1.Qualification q) => person.Name == q.Person
        || (q.Lab.Length > 0 ? person.IsStaffOf(q.Lab) : person.Has(Roles.Coordinator) || person.Affiliations.Any(a => a.Lab.Length > 0));

    /// <summary>The row as the rules know it, with every use that counts.</summary>
    internal static async Task<Known> KnownAsync(CalendarTransaction tx, QualificationRow row, CatalogueSnapshot snapshot, CancellationToken cancel)
    {
        var known = row.Known;
        if (!row.LapsesByDisuse || row.EndedUs is not null) return known;
        var since = row.LastUseUs ?? Micros.FromInstant(known.ValidFrom) - 1;
        var uses = await RunRegister.UsesAsync(tx, known.Person, since, cancel);
        return known.Used(uses.Where(u => IsUse(known, snapshot.RigOfChannel(u.Channel))).Select(u => Micros.ToInstant(u.StartUs)));
    }

    // A rig of the kind, where the qualification holds: a run elsewhere shows nothing of it.
    private static bool IsUse(Known known, Rig? rig) => rig is not null && rig.RigKind == known.RigKind && (known.Lab.Length == 0 || rig.Lab == known.Lab);
}
