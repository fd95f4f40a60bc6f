using System.Globalization;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Sharing;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Grpc.Core;
using Affiliation = BattKomp.Lab.Domain.Access.Affiliation;
using Level = BattKomp.Lab.Domain.Sharing.ShareLevel;
using LevelProto = BattKomp.Lab.V1.ShareLevel;

namespace BattKomp.Lab.Server.Features.Sharing;

/// <summary>sharing.proto on the wire.</summary>
public sealed class SharingServiceHandler(FairShare share, LabOptions options) : SharingService.SharingServiceBase
{
    /// <inheritdoc/>
    public override async Task<ShareExplanation> ExplainShare(ExplainShareRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var affiliation = Own(person, request.Affiliation);
        var key = FairShare.UserKey(person.Name, affiliation.Organisation);
        var order = await share.OrderAsync(context.CancellationToken);
        // A role that is younger than what is kept has its place at the next reading.
        if (!order.Places.ContainsKey(key))
        {
            share.Forget();
            order = await share.OrderAsync(context.CancellationToken);
        }
        var place = order.Places.GetValueOrDefault(key) ?? throw LabErrors.NotFound(affiliation.Name);
        return new ShareExplanation
        {
            Organisation = affiliation.Organisation,
            Place = place.Place,
            Of = place.Of,
            Tied = place.Tied,
            HalfLifeDays = options.Sharing.HalfLifeDays,
            AsOf = Timestamps.FromInstant(order.At),
            Levels = { place.Levels.Select(l => ToProto(l, person.Name)) },
        };
    }

    private static Affiliation Own(PersonCaller person, string name)
    {
        var own = person.Affiliations.Where(a => a.Role != Roles.Coordinator).ToList();
        if (name.Length > 0) return own.Find(a => a.Name == name) ?? throw LabErrors.NotFound(name);
        if (own.DistinctBy(a => a.Organisation).Count() == 1) return own[0];
        throw LabErrors.FieldsInvalid([("affiliation", $"must say which of your affiliations is meant: {string.Join(", ", own.Select(a => a.Name))}.")]);
    }

    // Coarse on purpose: with two siblings the exact part would be the other's exact use.
    private static LevelProto ToProto(Level level, string person)
    {
        var one = new LevelProto
        {
            Name = level.Name.StartsWith("persons/", StringComparison.Ordinal) ? person : level.Name,
            Shares = Math.Round(level.Shares, 4),
            Use = Math.Round(level.Use, 2),
            Hours = Math.Round(level.Hours, 1),
            Compared = level.Compared,
            Ahead = level.Ahead,
            Tied = level.Tied,
        };
        if (double.IsFinite(level.Factor)) one.Factor = Math.Round(level.Factor, 2);
        one.Sentence = Sentence(one);
        return one;
    }

    private static string Sentence(LevelProto l)
    {
        var used = l.HasFactor
            ? string.Create(CultureInfo.InvariantCulture, $"{l.Name} is entitled to {l.Shares:P0} at its level and has used {l.Use:P0} ({l.Hours} weighted channel-hours)")
            : $"{l.Name} has used nothing lately";
        var others = l.Compared == 1 ? "there is nothing beside it" : $"{l.Ahead} of {l.Compared - 1} beside it go before it{(l.Tied > 0 ? $", {l.Tied} stand level with it" : "")}";
        return $"{used}; {others}.";
    }
}
