using BattKomp.Lab.Domain.Access;
using NodaTime;
using VisibilityProto = BattKomp.Lab.V1.Visibility;
using KindProto = BattKomp.Lab.V1.VisibilityKind;

namespace BattKomp.Lab.Server.Platform.Access;

/// <summary>Maps visibilities between the wire and the domain. Unset on the wire means open.</summary>
public static class Visibilities
{
    /// <summary>The domain value.</summary>
    public static Visibility FromProto(VisibilityProto? proto) => proto?.Kind switch
    {
        null or KindProto.Unspecified or KindProto.Open => Visibility.Open,
        // An embargo without a date never opens by itself.
        KindProto.Embargo => new(VisibilityKind.Embargo, proto.EmbargoUntil is { } t ? Instant.FromUnixTimeSeconds(t.Seconds).PlusNanoseconds(t.Nanos) : null, []),
        KindProto.Consortium => new(VisibilityKind.Consortium, null, [.. proto.Consortium]),
        _ => new(VisibilityKind.Confidential, null, []),
    };
}
