"""A small service's metadata, in the shape of Graph's, and where Graph's own is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference import ABSENT, reference

PLAIN = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:DataServices>
    <Schema Namespace="microsoft.graph" Alias="graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <ComplexType Name="employeeOrgData"><Property Name="division" Type="Edm.String" /></ComplexType>
      <EntityType Name="entity" Abstract="true">
        <Key><PropertyRef Name="id" /></Key>
        <Property Name="id" Type="Edm.String" Nullable="false" />
      </EntityType>
      <EntityType Name="directoryObject" BaseType="graph.entity" OpenType="true">
        <Property Name="deletedDateTime" Type="Edm.DateTimeOffset" />
      </EntityType>
      <EntityType Name="user" BaseType="graph.directoryObject" OpenType="true">
        <Property Name="displayName" Type="Edm.String">
          <Annotation Term="Org.OData.Core.V1.Description" String="A name." />
        </Property>
        <!-- user -->
        <NavigationProperty Name="manager" Type="graph.directoryObject" />
        <NavigationProperty Name="messages" Type="Collection(graph.message)" ContainsTarget="true" />
        <NavigationProperty Name="badges" Type="Collection(self.badge)" ContainsTarget="true" />
      </EntityType>
      <EntityType Name="message" BaseType="graph.entity"><Property Name="subject" Type="Edm.String" /></EntityType>
      <EntityType Name="namedLocation" BaseType="graph.entity">
        <Property Name="displayName" Type="Edm.String" />
      </EntityType>
      <EntityType Name="ipNamedLocation" BaseType="graph.namedLocation">
        <Property Name="ipRanges" Type="Collection(graph.ipRange)" Nullable="false" />
        <!-- ipNamedLocation -->
      </EntityType>
      <EntityType Name="folder" BaseType="graph.entity">
        <NavigationProperty Name="namedLocations" Type="Collection(graph.namedLocation)" ContainsTarget="true" />
        <!-- folder -->
      </EntityType>
      <EntityType Name="shelf" BaseType="graph.entity"><Property Name="size" Type="Edm.Int32" /></EntityType>
      <EntityContainer Name="GraphService">
        <EntitySet Name="users" EntityType="microsoft.graph.user" />
        <EntitySet Name="shelves" EntityType="microsoft.graph.shelf" />
        <Singleton Name="identity" Type="microsoft.graph.folder" />
        <!-- container -->
      </EntityContainer>
    </Schema>
    <Schema Namespace="microsoft.graph.badges" Alias="self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityType Name="badge" BaseType="graph.entity"><Property Name="colour" Type="Edm.String" /></EntityType>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
"""


def extended(where: str, element: str) -> bytes:
    """The small metadata with an element more, at one of its comments."""
    comment = f"<!-- {where} -->"
    assert comment in PLAIN
    return PLAIN.replace(comment, element).encode()


def graph_metadata() -> Path:
    """Graph's own of v1.0, packed by gzip; the test is left out where there is none."""
    found = reference("graph", "metadata-v1.0.csdl.xml.gz")
    if found is None:
        pytest.skip(ABSENT)
    return found
