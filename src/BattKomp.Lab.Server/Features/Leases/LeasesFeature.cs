namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>Registers the slice.</summary>
public static class LeasesFeature
{
    /// <summary>The signing key and the leases.</summary>
    public static IServiceCollection AddLeases(this IServiceCollection services) => services.AddSingleton<LeaseKeyFile>().AddSingleton<Leases>();
}
