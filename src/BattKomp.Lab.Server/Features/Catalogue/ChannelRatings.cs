using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>What a channel allows, as leases carry it and rules judge it.</summary>
internal static class ChannelRatings
{
    /// <summary>The channel's limits; the rig's also binds its channels.</summary>
    internal static ChannelLimits Within(Channel channel, Rig rig)
    {
        var limits = channel.Limits?.Clone() ?? new ChannelLimits();
        limits.MaxVolt = LeaseContent.Tighter(limits.MaxVolt, rig.MaxVolt);
        return limits;
    }

    /// <summary>The same for the rules; temperatures that are both 0 are not stated.</summary>
    internal static Ratings Of(ChannelLimits limits)
    {
        var stated = limits.MaxCelsius != 0 || limits.MinCelsius != 0;
        return new Ratings(limits.MaxVolt, limits.MaxChargeAmpere, limits.MaxDischargeAmpere, limits.MaxWatt)
        {
            MinVolt = limits.MinVolt,
            MaxCelsius = stated ? limits.MaxCelsius : null,
            MinCelsius = stated ? limits.MinCelsius : null,
        };
    }
}
