using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>A visibility must carry what its kind needs.</summary>
internal static class VisibilityChecks
{
    internal static FieldChecks RequireVisibility(this FieldChecks checks, Visibility? visibility, string path)
    {
        if (visibility is null) return checks;
        return checks
            .Require(Enum.IsDefined(visibility.Kind), path + ".kind", "is unknown; use OPEN, EMBARGO, CONSORTIUM or CONFIDENTIAL.")
            .Require(visibility.Kind is VisibilityKind.Embargo == visibility.EmbargoUntil is not null, path + ".embargo_until", "is needed by EMBARGO and by no other kind.")
            .Require(visibility.Kind is VisibilityKind.Consortium == visibility.Consortium.Count > 0, path + ".consortium", "is needed by CONSORTIUM and by no other kind.")
            .Require(visibility.Consortium.All(o => ResourceNames.Is(o, "organisations")), path + ".consortium", "must hold names of the form organisations/<id>.");
    }
}
