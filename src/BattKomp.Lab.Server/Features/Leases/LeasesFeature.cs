using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform.Sweeps;

namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>Registers the slice.</summary>
public static class LeasesFeature
{
    /// <summary>The signing key, the leases, and the sweeps that issue and end them.</summary>
    public static IServiceCollection AddLeases(this IServiceCollection services) => services
        .AddSingleton<LeaseKeyFile>().AddSingleton<Leases>().AddSingleton<ILeasesOfBookings>(p => p.GetRequiredService<Leases>())
        .AddSweep<LeaseIssue>().AddSweep<LeaseEnd>();
}
